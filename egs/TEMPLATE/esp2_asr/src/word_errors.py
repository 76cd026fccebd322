"""A Lightning callback that logs the word error rate of the valid split."""

from typing import Any

from espnet2.asr.espnet_model import ESPnetASRModel
from jiwer import process_words
from lightning.pytorch import Callback, LightningModule, Trainer
from src.greedy import encode_posteriors, greedy_texts, reference_texts


class WordErrors(Callback):
    """Decodes the valid split greedily after every epoch; logs ``valid/wer`` in %."""

    def on_validation_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Begin to count."""
        self.errors = self.words = 0

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count the errors of a batch: utterance ids, and tensors by name."""
        _, tensors = batch
        model: ESPnetASRModel = pl_module.model
        posteriors, lengths = encode_posteriors(
            model, tensors["speech"], tensors["speech_lengths"]
        )
        result = process_words(
            reference_texts(tensors["text"], tensors["text_lengths"], model.token_list),
            greedy_texts(posteriors, lengths, model.token_list),
        )
        self.errors += result.substitutions + result.deletions + result.insertions
        self.words += result.hits + result.substitutions + result.deletions

    def on_validation_epoch_end(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Log the rate."""
        pl_module.log("valid/wer", 100 * self.errors / self.words)
