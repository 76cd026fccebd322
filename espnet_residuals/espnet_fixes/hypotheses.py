"""The next token of many hypotheses, each with a state of its own."""

from typing import Any, Optional

from torch import Tensor, cat

Model = Any  # S4Decoder, which has no type information
State = list[Optional[Tensor]]  # of each layer, (1, ...); None if it has none


def batch_score(
    decoder: Model,
    ys: Tensor,
    states: list[State],
    xs: Tensor,
    xs_mask: Optional[Tensor] = None,
) -> tuple[Tensor, list[State]]:
    """Score every next token behind several prefixes.

    ESPnet takes the state of the first prefix for all of them, and attends to the
    padding of shorter utterances. Its beam search offers ``xs_mask`` to whoever has
    an argument of that name.

    Args:
        decoder (S4Decoder): The decoder, in evaluation mode, after ``setup_step``.
        ys (Tensor): Prefixes, (n_prefixes, length), int64.
        states (list[State]): States before the last token of each prefix.
        xs (Tensor): Encoder output for each prefix, (n_prefixes, time, n_features).
        xs_mask (Optional[Tensor]): Valid frames of it, (n_prefixes, 1, time).

    Returns:
        tuple[Tensor, list[State]]: Log-probabilities, (n_prefixes, vocabulary), and the
        states behind the last token.

    Examples:
        >>> import torch
        >>> from espnet2.asr.decoder.s4_decoder import S4Decoder
        >>> layer = {"_name_": "s4", "mode": "diag", "measure": "diag-lin"}
        >>> decoder = S4Decoder(5, 8, n_layers=1, layer=layer, norm="layer").eval()
        >>> decoder.decoder.layers[0].layer.setup_step()
        >>> xs, ys = torch.ones(3, 7, 8), torch.zeros(3, 1, dtype=torch.int64)
        >>> scores, states = batch_score(decoder, ys, [decoder.init_state(xs)] * 3, xs)
        >>> scores.shape, len(states)
        (torch.Size([3, 5]), 3)
    """
    merged = [
        None if of_layer[0] is None else cat(of_layer) for of_layer in zip(*states)
    ]
    y, merged = decoder.decoder.step(
        decoder.embed(ys[:, -1]), state=merged, memory=xs, mask=xs_mask
    )
    split = [
        [None if of_layer is None else of_layer[i : i + 1] for of_layer in merged]
        for i in range(len(ys))
    ]
    return decoder.output(y).log_softmax(dim=-1), split
