"""torch.func: gradients of single utterances, and many models at once."""

import copy
from typing import Any, Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

from espnet_residuals import S4Encoder
from espnet_residuals.residual import registry

BOTH_WAYS = {"_name_": "s4d", "d_state": 4, "bidirectional": True}


def encoder(layer: Any = None, **options: Any) -> S4Encoder:
    options = {"dropout_rate": 0.0, "input_layer": "linear", **options}
    layer = layer or [BOTH_WAYS, "ff"]
    return S4Encoder(5, output_size=8, num_blocks=2, layer=layer, **options).double()


def loss_of(model: nn.Module) -> Callable[..., Tensor]:
    """Return a function of parameters and one utterance."""
    buffers = dict(model.named_buffers())

    def loss(parameters: dict[str, Tensor], x: Tensor, length: Tensor) -> Tensor:
        arguments = (x.unsqueeze(0), length.unsqueeze(0))
        ys, _, _ = functional_call(model, (parameters, buffers), arguments)
        return ys.square().sum()

    return loss


def utterances() -> tuple[Tensor, Tensor]:
    return torch.randn(3, 40, 5).double(), torch.tensor([40, 25, 31])


def assert_gradients_of_each(model: nn.Module) -> None:
    """Compare with a backward pass for each utterance."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    loss, (xs, lengths) = loss_of(model), utterances()
    got = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, xs, lengths)
    for i, (x, length) in enumerate(zip(xs, lengths)):
        model.zero_grad()
        alone = loss_of(copy.deepcopy(model))  # with buffers that it may change
        alone(dict(model.named_parameters()), x, length).backward()
        for name, parameter in model.named_parameters():
            expected = parameter.grad
            if expected is None:
                expected = torch.zeros_like(parameter)
            torch.testing.assert_close(got[name][i], expected, msg=name)


@pytest.mark.parametrize("residual", {cls: n for n, cls in registry.items()}.values())
def test_per_sample_gradients_are_those_of_one_utterance_each(residual: str) -> None:
    prenorm = residual != "deepnorm"
    assert_gradients_of_each(encoder(residual=residual, prenorm=prenorm))


@pytest.mark.parametrize(
    "options",
    [
        {"layer": ["s4d", "ff"]},
        {"layer": ["conv", "ff"]},
        {"layer": {"_name_": "mamba2", "d_state": 4, "bidirectional": True}},
        {"input_layer": "conv1d2"},
        {"prenorm": False},
        {"norm": None},
    ],
    ids=str,
)
def test_per_sample_gradients_of_other_configurations(options: dict[str, Any]) -> None:
    assert_gradients_of_each(encoder(**options))


@pytest.mark.parametrize("gradients", [False, True])
def test_many_models_at_once_give_what_each_gives(gradients: bool) -> None:
    models = [encoder() for _ in range(3)]
    x, lengths = utterances()
    stacked, buffers = stack_module_state(models)

    def run(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(models[0], (parameters, buffers), (x, lengths))[0]

    with torch.set_grad_enabled(gradients):
        got = vmap(run)(stacked, buffers)
        expected = torch.stack([model(x, lengths)[0] for model in models])
    torch.testing.assert_close(got, expected)


def test_directional_derivative_is_that_of_a_difference() -> None:
    model, (x, lengths) = encoder(), utterances()
    direction, step = torch.randn_like(x), 1e-6

    def run(x: Tensor) -> Tensor:
        ys: Tensor = model(x, lengths)[0]
        return ys

    got = jvp(run, (x,), (direction,))[1]
    ahead, behind = run(x + step * direction), run(x - step * direction)
    torch.testing.assert_close(got, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)


def test_dropout_draws_for_every_utterance() -> None:
    """With the mask of one another, equal utterances would give equal gradients."""
    model = encoder(dropout_rate=0.3, drop_path=0.3)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    xs, lengths = torch.ones(3, 40, 5).double(), torch.tensor([40] * 3)
    of_each = vmap(grad(loss_of(model)), in_dims=(None, 0, 0), randomness="different")
    gradients = of_each(parameters, xs, lengths)["stack.sublayers.0.layer.D"]
    assert not torch.allclose(gradients[0], gradients[1])
