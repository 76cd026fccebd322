"""Posteriors of pieces of many streams, computed in batches."""

from typing import Hashable, NamedTuple, Sequence

from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from torch import Tensor

from espnet_residuals.streaming.acoustic_model import (
    StreamingAcousticModel,
    StreamState,
)
from espnet_residuals.streaming.states import stack, structure, unstack


class Piece(NamedTuple):
    """What :meth:`StreamingAcousticModel.forward_chunk` takes of one stream.

    Attributes:
        samples (Tensor): Next samples, (1, length).
        state (StreamState): State before them.
        is_final (bool): Whether the recording ends here.
    """

    samples: Tensor
    state: StreamState
    is_final: bool


def forward_grouped(
    model: StreamingAcousticModel, pieces: Sequence[Piece]
) -> list[tuple[Tensor, StreamState]]:
    """Return the posteriors that can be computed now, of each stream.

    Pieces of one length whose states have one structure are one batch: a state tells
    by its structure how far its stream is from its beginning, until all that it keeps
    has its full length.

    Args:
        model (StreamingAcousticModel): The model.
        pieces (Sequence[Piece]): One of each stream.

    Returns:
        list[tuple[Tensor, StreamState]]: Log posteriors, (1, length, tokens), and the
        state behind the piece. A recording that ends too short for a frame has none.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, piece in enumerate(pieces):
        groups.setdefault(structure(piece), []).append(i)
    results: dict[int, tuple[Tensor, StreamState]] = {}
    for members in groups.values():
        batch = stack([pieces[i] for i in members])
        results |= zip(members, unstack(_forward(model, batch), len(members)))
    return [results[i] for i in range(len(pieces))]


def _forward(model: StreamingAcousticModel, batch: Piece) -> tuple[Tensor, StreamState]:
    try:
        return model.forward_chunk(*batch)
    except TooShortUttError:
        return batch.samples.new_zeros(len(batch.samples), 0, 1), batch.state
