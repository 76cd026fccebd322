"""Where in an encoder there is something to measure, and what passes there.

:func:`find_sites` finds the sublayers; :func:`attach_all` watches them with hooks while
the encoder runs.
"""

import math
from contextlib import ExitStack
from typing import Any, Callable, NamedTuple, Optional, Sequence

import torch
from torch import Tensor, nn

from espnet_residuals.encoder import S4Encoder
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.quantities import split


class Site(NamedTuple):
    """One sublayer, or one layer of an encoder that keeps its sublayers to itself.

    Attributes:
        name (str): What it is.
        module (nn.Module): From the stream to the stream.
        residual (Optional[nn.Module]): The residual function in it, if hooks reach it.
        layer (Optional[nn.Module]): The layer in it, if hooks reach it.
    """

    name: str
    module: nn.Module
    residual: Optional[nn.Module]
    layer: Optional[nn.Module]


def find_sites(encoder: nn.Module) -> list[Site]:
    """Return the sublayers of ``s4``, or the layers in another's list ``encoders``.

    Args:
        encoder (nn.Module): The encoder.

    Returns:
        list[Site]: From the first to the last.

    Raises:
        Failure: If the encoder has no such layers.
    """
    if isinstance(encoder, S4Encoder):
        return [
            Site(
                type(sublayer.layer).__name__,
                sublayer,
                sublayer.residual,
                sublayer.layer,
            )
            for sublayer in encoder.stack.sublayers
        ]
    layers = getattr(encoder, "encoders", None)
    if not isinstance(layers, (nn.ModuleList, nn.Sequential)) or not len(layers):
        raise Failure(
            Exit.ENCODER,
            f"{type(encoder).__name__} cannot be probed: it has no list of layers "
            "named 'encoders'; s4, transformer, conformer and branchformer can",
        )
    return [Site(type(layer).__name__, layer, None, None) for layer in layers]


class Trace:
    """What passes one site.

    Where hooks do not reach the residual function, the new part of the stream is the
    difference between output and input, and what is kept is the input.

    Args:
        site (Site): The site.
        advance (Callable[[], object]): Called once forward and once backward.
    """

    def __init__(self, site: Site, advance: Callable[[], object]) -> None:
        self.site = site
        self.before = self.behind = self.new = self.kept = torch.empty(0)
        self.taken = self.given = torch.full((1, 1, 1), math.nan)
        self._advance = advance

    def attach(self, hooks: ExitStack) -> None:
        """Set the hooks.

        Args:
            hooks (ExitStack): Takes them away at its end.
        """
        module, residual, layer = self.site.module, self.site.residual, self.site.layer
        hooks.callback(module.register_forward_hook(self._see_sublayer).remove)
        if residual is not None:
            hooks.callback(residual.register_forward_hook(self._see_residual).remove)
        if layer is not None:
            hooks.callback(layer.register_forward_hook(self._see_layer).remove)

    def _see_layer(
        self, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor
    ) -> None:
        self.taken, self.given = inputs[0].detach(), output.detach()

    def _see_residual(
        self, residual: nn.Module, inputs: tuple[Any, ...], output: Tensor
    ) -> None:
        self.new, self.kept = split(residual, inputs[0], inputs[1], output)

    def _see_sublayer(
        self, module: nn.Module, inputs: tuple[Any, ...], output: Any
    ) -> None:
        self.before, self.behind = stream_of(inputs).detach(), stream_of(output)
        self.behind.retain_grad()
        self.behind.register_hook(self._see_gradient)
        if self.site.residual is None:
            self.new = self.behind.detach() - self.before
            self.kept = self.before
        self._advance()

    def _see_gradient(self, gradient: Tensor) -> None:
        self._advance()


def attach_all(
    sites: Sequence[Site], advance: Callable[[], object], hooks: ExitStack
) -> list[Trace]:
    """Watch every site.

    Args:
        sites (Sequence[Site]): The sites.
        advance (Callable[[], object]): Called at each, forward and backward.
        hooks (ExitStack): Takes the hooks away at its end.

    Returns:
        list[Trace]: One for each site.
    """
    traces = [Trace(site, advance) for site in sites]
    for trace in traces:
        trace.attach(hooks)
    return traces


def stream_of(value: Any) -> Tensor:
    """Return the stream, which ESPnet passes on together with positions and masks.

    Args:
        value (Any): Input or output of a layer: a tensor, or tuples that begin with it.

    Returns:
        Tensor: The stream, (batch, length, d_model).
    """
    while isinstance(value, (tuple, list)):
        value = value[0]
    assert isinstance(value, Tensor)
    return value
