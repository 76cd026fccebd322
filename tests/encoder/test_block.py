"""A block's sublayers may have their own residual function and scale, and a norm."""

from collections.abc import Iterator
from typing import Any, Optional

import pytest
import torch
from torch import Tensor, nn

from espnet_residuals import (
    ConfigError,
    DecayResidual,
    Feedforward,
    Residual,
    S4Encoder,
)
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.layers import layer_registry, register_layer

D_MODEL, LENGTH = 8, 40


@pytest.fixture
def moving_average() -> Iterator[None]:
    """Register a layer that looks ahead."""

    @register_layer("mean")
    class MovingAverage(nn.Module):
        """Mean of a frame and those around it, zero beyond the ends."""

        def __init__(self, d_model: int, look_ahead: int = 2, behind: int = 1) -> None:
            super().__init__()
            self.look_ahead, self.behind = look_ahead, behind

        def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
            return self._means(nn.functional.pad(x, (0, 0, self.behind, 0)), True)

        def default_state(self, batch_size: int, device: Any, dtype: Any) -> Tensor:
            shape = batch_size, self.behind, D_MODEL
            return torch.zeros(shape, device=device, dtype=dtype)

        def forward_chunk(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            seen = torch.cat([state, x], dim=1)
            y = self._means(seen, False)
            return y, seen[:, y.size(1) :]

        def finish(self, state: Tensor) -> Tensor:
            return self._means(state, True)

        def _means(self, seen: Tensor, at_end: bool) -> Tensor:
            width = self.behind + 1 + self.look_ahead
            if at_end:
                seen = nn.functional.pad(seen, (0, 0, 0, self.look_ahead))
            if seen.size(1) < width:
                return seen[:, :0]
            return seen.unfold(1, width, 1).mean(-1)

    yield
    del layer_registry["mean"]


def test_scale_multiplies_the_branch_alone() -> None:
    x = torch.randn(2, LENGTH, D_MODEL)
    stack = ResidualStack(D_MODEL, 1, {"_name_": "ff", "scale": 0.5}, norm=None)
    branch = stack.sublayers[0].layer(x)
    torch.testing.assert_close(stack(x), x + 0.5 * branch)


def test_sublayers_without_a_function_of_their_own_have_that_of_the_encoder() -> None:
    layer: list[Any] = [
        {"_name_": "ff", "residual": {"_name_": "decay", "power": 1}},
        "ff",
        {"_name_": "ff", "residual": None},
    ]
    stack = ResidualStack(D_MODEL, 2, layer, residual="residual")
    functions = [sublayer.residual for sublayer in stack.sublayers]
    assert [type(f) for f in functions] == [DecayResidual, Residual, Feedforward] * 2
    # i_layer counts all sublayers, whatever function they have.
    assert functions[3].i_layer == 4 and functions[3].beta == 0.25
    assert [f.keeps_input for f in functions[1:3]] == [True, False]


def test_block_norm_stands_behind_each_block_and_before_what_is_read_there() -> None:
    stack = ResidualStack(D_MODEL, 3, ["ff", "s4d"], block_norm=True)
    plain = ResidualStack(D_MODEL, 3, ["ff", "s4d"])
    missing = plain.load_state_dict(stack.state_dict(), strict=False)
    assert {k.split(".")[0] for k in missing.unexpected_keys} == {"block_norms"}
    x = torch.randn(2, LENGTH, D_MODEL)
    seen: list[Tensor] = []

    def keep(index: int, y: Tensor) -> Tensor:
        seen.append(y)
        return y

    def norm(index: int, y: Tensor) -> Tensor:
        return nn.functional.layer_norm(y, [D_MODEL])

    normed = stack(x, after_block=keep)
    torch.testing.assert_close(plain(x, after_block=norm), normed)
    assert len(seen) == 3
    assert all(y.mean(-1).abs().max() < 1e-5 for y in seen)


def test_block_norm_lets_a_growing_stream_be_as_deep_as_it_likes() -> None:
    residual = {"_name_": "residual", "alpha": 2}
    with pytest.raises(ConfigError, match="makes the stream overflow"):
        ResidualStack(D_MODEL, 64, "ff", residual)
    stack = ResidualStack(D_MODEL, 64, "ff", residual, block_norm=True)
    y = stack(torch.randn(2, LENGTH, D_MODEL))
    y.square().sum().backward()
    gradients = [p.grad for p in stack.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


@pytest.mark.parametrize(
    ("option", "value", "key", "message"),
    [
        ("scale", "half", "layer[1].scale", "half"),
        ("scale", -0.5, "layer[1].scale", ">= 0"),
        ("scale", float("nan"), "layer[1].scale", "nan"),
        ("scale", None, "layer[1].scale", "None"),
        ("residual", "dekay", "layer[1].residual", "did you mean 'decay'"),
        ("residual", {"_name_": "decay", "pwer": 1}, "layer[1].residual.pwer", "power"),
        ("residual", "deepnorm", "layer[1].residual", "prenorm: false"),
        ("scael", 0.5, "layer[1].scael", "no option"),
    ],
)
def test_a_wrong_option_of_a_sublayer_is_named_by_its_path(
    option: str, value: Any, key: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        S4Encoder(20, 8, 2, layer=["s4d", {"_name_": "ff", option: value}])
    assert caught.value.key == f"encoder_conf.{key}"


def test_overflow_is_blamed_on_the_sublayer_that_causes_it() -> None:
    huge = {"_name_": "ff", "residual": {"_name_": "residual", "beta": 1e20}}
    with pytest.raises(ConfigError, match="by sublayer 2 of 4") as caught:
        ResidualStack(D_MODEL, 2, ["ff", huge])
    assert caught.value.key == "encoder_conf.layer[1].residual.beta"


@pytest.mark.parametrize("option", ["scale", "residual"])
def test_a_layer_cannot_take_an_option_of_the_block(option: str) -> None:
    signature = f"lambda self, d_model, {option}=None: None"
    methods = {
        "__init__": eval(signature),
        "forward": lambda self, x, lengths=None: x,
    }
    with pytest.raises(TypeError, match=f"has an option '{option}'"):
        register_layer("taken")(type("Taken", (nn.Module,), methods))


@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 4, 5], [13, 27], [3, 3, 39]])
@pytest.mark.parametrize("prenorm", [True, False])
def test_streams_that_look_ahead_catch_up_at_the_end(
    moving_average: None, prenorm: bool, cuts: list[int]
) -> None:
    layer = ["mean", "s4d", {"_name_": "mean", "look_ahead": 3, "residual": "decay"}]
    torch.manual_seed(0)
    encoder = S4Encoder(D_MODEL, 8, 2, "conv1d2", layer, prenorm=prenorm, norm="layer")
    encoder.eval()
    assert encoder.stack.look_ahead == 10
    xs = torch.randn(2, LENGTH, D_MODEL)
    whole, _, _ = encoder(xs, torch.tensor([LENGTH, LENGTH]))
    state, frames, seen = encoder.default_state(2), [], 0
    for chunk in xs.tensor_split(cuts, dim=1):
        y, state = encoder.forward_chunk(chunk, state)
        frames.append(y)
        seen += chunk.size(1)
        computed = sum(f.size(1) for f in frames)
        # Frame t is there as soon as feature stride * t + delay is.
        due = (seen - 1 - encoder.delay) // encoder.embed.stride + 1
        assert computed == max(0, due)
    last, _ = encoder.forward_chunk(xs[:, :0], state, is_final=True)
    torch.testing.assert_close(torch.cat([*frames, last], dim=1), whole)


def test_the_end_may_come_with_the_last_features(moving_average: None) -> None:
    torch.manual_seed(0)
    stack = ResidualStack(D_MODEL, 2, ["mean", "ff"]).eval()
    x = torch.randn(2, 9, D_MODEL)
    first, state = stack.forward_chunk(x[:, :4], stack.default_state(2))
    rest, _ = stack.forward_chunk(x[:, 4:], state, is_final=True)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), stack(x))


def test_one_step_of_a_stack_that_looks_ahead_is_refused(moving_average: None) -> None:
    stack = ResidualStack(D_MODEL, 1, "mean")
    with pytest.raises(ValueError, match="needs 2 later ones"):
        stack.step(torch.randn(1, D_MODEL), stack.default_state(1))
