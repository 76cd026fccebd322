"""The text that the stage ``train_tokenizer`` learns its characters from."""

from pathlib import Path

from dataset.manifest import read_manifest


def gather_training_text(manifest_path: str | Path) -> list[str]:
    """Return the transcripts of a manifest."""
    return [utterance.text for utterance in read_manifest(Path(manifest_path))]
