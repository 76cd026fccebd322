"""The names of the residual functions, and classes that other people register."""

import copy
from collections.abc import Iterator, MutableMapping
from typing import Any

import espnet2.asr.state_spaces.residual as espnet
import pytest
import torch
from espnet2.asr.state_spaces.utils import instantiate
from torch import Tensor, nn

from espnet_residuals.residual import (
    DecayResidual,
    Feedforward,
    Residual,
    build_residual,
    register_residual,
    registry,
)

# ESPnet's registry may hold more: other tests put all of ours there.
OF_ESPNET = {
    name: getattr(espnet, cls.__name__)
    for name, cls in espnet.registry.items()
    if hasattr(espnet, cls.__name__)
}


@pytest.fixture(autouse=True)
def _restore_registry() -> Iterator[None]:
    before = dict(registry)
    yield
    for name in set(registry) - set(before):
        del registry[name]
    registry.update(before)


class Halving(Residual):
    """A residual function as a user would write it."""

    def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
        super().__init__(i_layer, d_input, d_model, beta=0.5)


def test_every_name_of_espnet_means_our_class_of_the_same_name() -> None:
    own = {name: registry[name].__name__ for name in OF_ESPNET}
    assert own == {name: cls.__name__ for name, cls in OF_ESPNET.items()}
    assert len(own) == 13
    assert all(issubclass(cls, Residual) for cls in registry.values())


@pytest.mark.parametrize("name", OF_ESPNET)
@pytest.mark.parametrize("as_mapping", [False, True])
def test_espnet_instantiates_from_our_registry(name: str, as_mapping: bool) -> None:
    config = {"_name_": name} if as_mapping else name
    module = instantiate(registry, config, 2, 8, 8)
    assert type(module) is registry[name]
    assert (module.i_layer, module.d_input, module.d_model) == (2, 8, 8)


def test_espnet_passes_options_on_through_our_registry() -> None:
    config = {"_name_": "decay", "power": 1.0, "l2": False}
    assert instantiate(registry, config, 4, 8, 8).alpha == 0.75


def test_registry_is_a_mapping_like_any_other() -> None:
    names = list(registry)
    assert isinstance(registry, MutableMapping)
    assert len(registry) == len(names) == len(set(names)) == len(registry.items())
    assert "decay" in registry and "decays" not in registry
    assert registry["decay"] is registry.get("decay") is DecayResidual
    assert registry.get("decays") is None
    registry["mine"] = Halving
    assert registry["mine"] is Halving and len(registry) == len(names) + 1
    del registry["mine"]
    assert list(registry) == names
    assert registry.setdefault("mine", Halving) is registry.pop("mine")
    assert dict(registry) == dict(registry.items())
    assert dict(copy.copy(registry)) == dict(registry)


@pytest.mark.parametrize("use", ["get", "delete", "pop"])
def test_unknown_name_is_told_with_the_valid_names_and_the_nearest(use: str) -> None:
    """ESPnet says KeyError: 'decays' and no more."""
    with pytest.raises(KeyError) as caught:
        if use == "get":
            registry["decays"]
        elif use == "delete":
            del registry["decays"]
        else:
            registry.pop("decays")
    message = str(caught.value)
    assert message.startswith("unknown residual 'decays'")
    assert "did you mean 'decay'?" in message
    assert all(name in message for name in OF_ESPNET)


def test_class_of_ones_own_is_built_by_each_of_its_names() -> None:
    assert register_residual("halving", "half")(Halving) is Halving
    for name in ("halving", "half"):
        assert isinstance(build_residual(name, 1, 8, 8), Halving)
        assert isinstance(instantiate(registry, name, 1, 8, 8), Halving)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["decay"], "'decay' is taken by espnet_residuals.*DecayResidual.*Halving"),
        (["new", "D"], "'D' is taken by"),
        (["null"], "'null' cannot name a residual"),
        (["NULL"], "'NULL' cannot name a residual"),
        (["new", "nil"], "'nil' cannot name a residual"),
        ([""], "one or more names"),
        (["new", ""], "one or more names"),
        ([], "one or more names"),
        ([None], "one or more names"),
        ([Halving], "one or more names"),
    ],
)
def test_wrong_name_is_refused_and_nothing_is_entered(
    names: list[Any], message: str
) -> None:
    before = dict(registry)
    with pytest.raises(ValueError, match=message):
        register_residual(*names)(Halving)
    assert dict(registry) == before


class NoModule:
    """Not derived from nn.Module."""

    d_output = 8

    def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
        pass

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Add."""
        return x + y


class NoOutputSize(nn.Module):
    """Lacks d_output."""

    def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Add."""
        return x + y


class NoForward(nn.Module):
    """Lacks forward."""

    d_output = 8

    def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
        super().__init__()


class NoConstructor(nn.Module):
    """Lacks a constructor that takes the context."""

    d_output = 8

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Add."""
        return x + y


class ForwardWithoutTransposed(Residual):
    """Cannot be called as ESPnet calls it."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        """Add."""
        return x + y


class ForwardThatWantsMore(Residual):
    """Cannot be called as ESPnet calls it."""

    def forward(  # type: ignore[override]
        self, x: Tensor, y: Tensor, transposed: bool, mask: Tensor
    ) -> Tensor:
        """Add."""
        return x + y * mask


class ConstructorWithoutContext(Residual):
    """Cannot be built from the context."""

    def __init__(self, power: float = 0.5) -> None:
        super().__init__(1, 8, 8, beta=power)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (lambda x, y: x + y, "not a class derived from torch.nn.Module"),
        (Halving(1, 8, 8), "not a class derived from torch.nn.Module"),
        ("decay", "not a class derived from torch.nn.Module"),
        (NoModule, "NoModule is not a class derived from torch.nn.Module"),
        (NoOutputSize, "NoOutputSize has no property d_output"),
        (NoForward, r"NoForward.*\(x, y, transposed\)"),
        (ForwardWithoutTransposed, r"forward must take \(x, y, transposed\)"),
        (ForwardThatWantsMore, r"forward must take \(x, y, transposed\)"),
        (NoConstructor, r"NoConstructor.*\(i_layer, d_input, d_model\)"),
        (ConstructorWithoutContext, r"must take \(i_layer, d_input, d_model\)"),
    ],
)
def test_class_without_the_interface_is_refused_and_nothing_is_entered(
    thing: Any, message: str
) -> None:
    before = dict(registry)
    with pytest.raises(TypeError, match=message) as caught:
        register_residual("new", "newer")(thing)
    assert "espnet_residuals.residual.Residual" in str(caught.value)
    assert dict(registry) == before


class EspnetStyle(Residual):
    """Takes the context as ESPnet's classes do."""

    def __init__(self, *args: Any, power: float = 0.5) -> None:
        super().__init__(*args, beta=power)  # type: ignore[misc]


class AnyOption(Residual):
    """Takes options that it does not declare."""

    def __init__(self, i_layer: int, d_input: int, d_model: int, **kwargs: Any) -> None:
        super().__init__(i_layer, d_input, d_model, **kwargs)


class FromScratch(nn.Module):
    """Has the interface without deriving from ours."""

    def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    @property
    def d_output(self) -> int:
        """Return the number of features of the result."""
        return self.d_model

    def forward(self, x: Tensor, y: Tensor, transposed: bool) -> Tensor:
        """Add."""
        return x + y


class AsksForDepth(Residual):
    """Has no use without the number of sublayers."""

    def __init__(self, i_layer: int, d_input: int, d_model: int, n_layers: int) -> None:
        super().__init__(i_layer, d_input, d_model, beta=1 / n_layers)


@pytest.mark.parametrize("cls", [EspnetStyle, AnyOption, FromScratch, AsksForDepth])
def test_class_with_the_interface_in_another_style_is_accepted(cls: type) -> None:
    register_residual("new")(cls)
    module = build_residual("new", 1, 8, 8, n_layers=4)
    x, y = torch.ones(2, 8), torch.ones(2, 8)
    assert module.d_output == 8
    assert module(x, y, False).shape == (2, 8)


@pytest.mark.parametrize("cls", OF_ESPNET.values())
def test_classes_of_espnet_itself_can_be_registered(cls: type) -> None:
    register_residual("theirs")(cls)
    assert type(build_residual("theirs", 1, 8, 8)) is cls


def define_as_in_a_notebook(weight: float) -> type[Residual]:
    @register_residual("cell")
    class Cell(Residual):
        def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
            super().__init__(i_layer, d_input, d_model, beta=weight)

    return Cell


def test_notebook_cell_can_be_run_again() -> None:
    first = define_as_in_a_notebook(0.5)
    second = define_as_in_a_notebook(0.25)
    assert first is not second
    assert registry["cell"] is second
    assert build_residual("cell", 1, 8, 8).beta == 0.25


def test_other_class_does_not_replace_that_of_a_notebook() -> None:
    cell = define_as_in_a_notebook(0.5)
    with pytest.raises(ValueError, match="taken by .*Cell"):
        register_residual("cell")(Halving)
    assert registry["cell"] is cell


def test_no_skip_has_no_parameters_and_any_size() -> None:
    for name in ("none", "feedforward", "ff", "F", "N"):
        assert registry[name] is Feedforward
