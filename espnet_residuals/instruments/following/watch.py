"""Statistics of every sublayer over all batches of one step of an optimizer."""

from collections import deque
from typing import Any, Callable, Iterator, Mapping, Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder.sublayer import Sublayer
from espnet_residuals.instruments.following.names import (
    GRADIENT,
    LEARNED,
    MEAN_SQUARE,
    SHARE,
    name_of,
)
from espnet_residuals.instruments.measuring.quantities import (
    gradient_norm,
    split,
    sum_of_squares,
)
from espnet_residuals.nn.lengths import valid_frames


class Watch:
    """Watch the sublayers of a model with hooks that can be switched on and off.

    The hooks add sums of squares up, on the device and without waiting for it; only
    :meth:`read` fetches numbers. Off, they do nothing. In compiled code on and off are
    two graphs; a model that ran compiled before the hooks were set does not see them.

    Of a residual function it reads the parameters of at most one dimension, or what a
    method ``learned_weights`` of its own returns: tensors by name.

    Args:
        model (nn.Module): A model with an ``s4`` encoder or another
            :class:`~espnet_residuals.encoder.ResidualStack`.
        batches (Optional[int]): How many count, the last ones; None for all since the
            statistics were read.

    Raises:
        ConfigError: If it has neither.

    Examples:
        >>> from espnet_residuals.encoder import ResidualStack
        >>> stack = ResidualStack(8, num_blocks=1, layer=["s4d", "ff"])
        >>> watch = Watch(stack)
        >>> watch.is_on = True
        >>> stack(torch.randn(2, 50, 8)).sum().backward()
        >>> statistics = watch.read()
        >>> watch.close()
        >>> list(statistics)[:4]
        ['layer_mean_square/1', 'layer_share/1', 'layer_gradient/1', \
'layer_mean_square/2']
    """

    def __init__(self, model: nn.Module, batches: Optional[int] = None) -> None:
        self.is_on = False
        self._sites = [
            _Site(self, module, batches)
            for module in model.modules()
            if isinstance(module, Sublayer)
        ]
        if not self._sites:
            raise ConfigError(
                "",
                "layer statistics need an s4 encoder, and "
                f"{type(model).__name__} has none",
            )

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of the sublayers."""
        for site in self._sites:
            yield from site.sublayer.parameters()

    def read(
        self,
        add_up: Callable[[Tensor], Tensor] = torch.clone,
        gradient_scale: float = 1.0,
    ) -> dict[str, float]:
        """Return the statistics of the batches that count, and forget all.

        Args:
            add_up (Callable[[Tensor], Tensor]): Adds a tensor up over processes.
            gradient_scale (float): What the gradients have been multiplied by.

        Returns:
            dict[str, float]: The statistics by name. Infinity stands for all that was
            measured and is no finite number, since ESPnet2 logs NaN for batches that
            were not measured; NaN for what is not there: the statistics of the stream
            without a batch, the share in a stream of zeros.
        """
        sums = add_up(torch.stack([site.sums() for site in self._sites]))
        gradients = [gradient_norm(site.sublayer) for site in self._sites]
        statistics = {}
        for i_layer, (site, row, norm) in enumerate(
            zip(self._sites, sums, gradients), start=1
        ):
            stream, new, kept, values = row
            measured = {
                MEAN_SQUARE: _ratio(stream, values),
                SHARE: _ratio(new, new + kept),
                GRADIENT: _or_infinity(norm / gradient_scale),
                **dict(_learned(site.sublayer.residual)),
            }
            for quantity, value in measured.items():
                name = name_of(quantity, i_layer, len(self._sites))
                statistics[name] = float(value)
            site.batches.clear()
        return statistics

    def close(self) -> None:
        """Take the hooks away."""
        for site in self._sites:
            site.close()


class _Site:
    """One sublayer, and the sums of each batch that passed it while on.

    The sums are those of the squares of the stream behind the sublayer, of its new and
    of its kept part, and the number of values that each is made of.
    """

    def __init__(
        self, watch: Watch, sublayer: Sublayer, batches: Optional[int]
    ) -> None:
        self.watch = watch
        self.sublayer = sublayer
        self.batches: deque[Tensor] = deque(maxlen=batches)
        self._joined: tuple[Tensor, Tensor, Tensor]
        self._hooks = (
            sublayer.residual.register_forward_hook(self._see_residual),
            sublayer.register_forward_hook(self._see_sublayer),
        )

    def sums(self) -> Tensor:
        """Return the sums over all batches, (4,)."""
        if self.batches:
            return torch.stack(tuple(self.batches)).sum(dim=0)
        return torch.zeros(4, device=next(self.sublayer.parameters()).device)

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _see_residual(
        self, residual: nn.Module, inputs: tuple[Any, ...], output: Tensor
    ) -> None:
        if self.watch.is_on:
            self._joined = (inputs[0], inputs[1], output)

    def _see_sublayer(
        self, sublayer: nn.Module, inputs: tuple[Any, ...], output: Tensor
    ) -> None:
        if not self.watch.is_on:
            return
        parts = split(self.sublayer.residual, *self._joined)
        del self._joined
        valid = _valid_frames(output, *inputs[1:])
        values = valid.sum() * output.size(-1)
        squares = [sum_of_squares(part, valid) for part in (output, *parts)]
        self.batches.append(torch.stack([*squares, values.to(squares[0].dtype)]))


def _valid_frames(stream: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
    """Return which frames of a stream are no padding, bool, (batch, length)."""
    if lengths is None:
        return torch.ones_like(stream[..., 0], dtype=torch.bool)
    return valid_frames(lengths, stream)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Return part of whole; NaN where both are 0, infinity where one is not finite."""
    return (part / whole).where(part.isfinite() & whole.isfinite(), torch.inf)


def _or_infinity(value: Tensor) -> Tensor:
    return value.where(value.isfinite(), torch.inf)


def _learned(residual: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield what a residual function has learned: numbers, or their mean and spread."""
    for name, weight in _learned_weights(residual).items():
        weight = _or_infinity(weight.detach().float())
        if weight.numel() == 1:
            yield f"{LEARNED}{name}", weight
        else:
            yield f"{LEARNED}{name}_mean", weight.mean()
            yield f"{LEARNED}{name}_std", weight.std(correction=0)


def _learned_weights(residual: nn.Module) -> Mapping[str, Tensor]:
    own = getattr(residual, "learned_weights", None)
    if own is not None:
        weights: Mapping[str, Tensor] = own()
        return weights
    return {name: p for name, p in residual.named_parameters() if p.dim() < 2}
