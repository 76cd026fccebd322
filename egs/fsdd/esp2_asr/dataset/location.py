"""Where the utterances are: one folder for each choice of speakers."""

from pathlib import Path

from .config import CONFIG


def data_folder(recipe_dir: Path, held_out: str | None) -> Path:
    """Return the folder of the data that does without the speaker ``held_out``.

    Raises:
        ValueError: If there is no such speaker.
    """
    if held_out is None:
        return recipe_dir / CONFIG.data_dir
    if held_out not in CONFIG.source.speakers:
        raise ValueError(
            f"held_out: unknown speaker {held_out!r}: choose one of "
            f"{', '.join(CONFIG.source.speakers)}"
        )
    return recipe_dir / f"{CONFIG.data_dir}_without_{held_out}"
