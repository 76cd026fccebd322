"""Random configurations of the encoder, and random batches for it.

All names and options are read from the registries and the constructors, and the texts
that an option may be from its docstring, so that a new layer or residual function is
tried without a change here.
"""

import datetime
import inspect
import re
from typing import Any, Callable, Iterable, Iterator, NamedTuple, Union, get_args

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from espnet_residuals import S4Encoder, registry
from espnet_residuals.encoder.input_layer import INPUT_LAYERS
from espnet_residuals.layers import layer_registry
from espnet_residuals.residual.description import CONTEXT, names_of_classes

# Of so many values of an option, about one is not what it takes.
USUAL = 20
# Values of wrong types and of extreme sizes, as YAML reads them.
ODD: tuple[Any, ...] = (
    *(None, True, False, "", "x", "1e-3", "1e400", "nan", "true"),
    *(0, -1, 1, 1.5, -0.5, 2**31 - 2, 2**31 - 1, 2**31, -(2**63), 10**20, 10**5000),
    *(0.0, -0.0, 1e-308, 1e-40, 1e-7, 1e15, 1e30, 3e38, 1e39, 1e308),
    *(float("nan"), float("inf"), float("-inf")),
    *([], [1, 2], [[]], {}, {"_name_": "x"}, {1: 2}, b"bytes"),
    datetime.date(2026, 2, 28),
)
# Small sizes: what is tried is whether it works at all.
SIZES = st.integers(1, 12)
OUTPUT_SIZES = st.sampled_from((1, 2, 4, 7, 8, 16))
RATES = st.one_of(st.floats(0, 1), st.sampled_from((0.0, 1e-3, "1e-2", 0.5, 1.0)))
# Not read from the encoder's constructor, where they have neither type nor default.
INPUT_SIZES = st.sampled_from((20, 16, 15, 11, 7, 5, 1))


# Key in the configuration, registry, and what the program gives to the constructors.
NAMED: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("layer", layer_registry, ("d_model",)),
    ("residual", registry, CONTEXT),
)


class Case(NamedTuple):
    """What is tried.

    Attributes:
        encoder_conf (dict[str, Any]): The configuration.
        input_size (int): Number of features.
        lengths (list[int]): Frames of each utterance.
        padding (int): Frames behind the longest.
        fill (float): What stands in the padding.
    """

    encoder_conf: dict[str, Any]
    input_size: int
    lengths: list[int]
    padding: int
    fill: float


def odd_cases() -> Iterator[tuple[str, Case]]:
    """Yield a small encoder with each odd value of each option, and the option's path.

    Where values of several options are drawn at random, few meet their worst.
    """
    small = {"output_size": 8, "num_blocks": 1, "input_layer": "linear", "layer": "ff"}

    def case(**options: Any) -> Case:
        return Case({**small, **options}, 20, [30, 0, 12], 2, float("nan"))

    for option in declared_options(S4Encoder, ("input_size",)):
        for value in ODD:
            yield f"encoder_conf.{option}", case(**{option: value})
    for key, classes, given in NAMED:
        for name in names_of_classes(classes).values():
            for option in declared_options(classes[name[0]], given):
                for value in ODD:
                    config = {"_name_": name[0], option: value}
                    yield f"encoder_conf.{key}.{option}", case(**{key: config})


@st.composite
def cases(draw: DrawFn) -> Case:
    """Return configurations, each with a batch."""
    return Case(
        encoder_conf=draw(_encoder_confs()),
        input_size=draw(INPUT_SIZES),
        lengths=draw(st.lists(_lengths(), min_size=1, max_size=3)),
        padding=draw(st.integers(0, 3)),
        fill=draw(st.sampled_from((0.0, 1e30, float("inf"), float("nan")))),
    )


def declared_options(cls: Callable[..., Any], given: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of a constructor that a YAML may set, by name."""
    return {
        name: parameter
        for name, parameter in inspect.signature(cls).parameters.items()
        if name not in given and parameter.kind is not parameter.VAR_KEYWORD
    }


def _lengths() -> SearchStrategy[int]:
    """Return lengths, with none and one frame often."""
    return st.one_of(st.sampled_from((0, 1)), st.integers(0, 70))


@st.composite
def _encoder_confs(draw: DrawFn) -> dict[str, Any]:
    layer, residual = (_named(classes, given) for _, classes, given in NAMED)
    special: dict[str, SearchStrategy[Any]] = {
        "output_size": OUTPUT_SIZES,
        "num_blocks": st.integers(1, 3),
        "input_layer": st.sampled_from(INPUT_LAYERS),
        "layer": st.one_of(layer, st.lists(layer, min_size=1, max_size=3)),
        "residual": residual,
        "interctc_layer_idx": st.lists(st.integers(1, 2), max_size=2),
    }
    options = draw(_options(S4Encoder, ("input_size",), special))
    # The usual size and depth would take too long for most examples.
    options.setdefault("output_size", draw(OUTPUT_SIZES))
    options.setdefault("num_blocks", draw(st.integers(1, 2)))
    return options


@st.composite
def _named(draw: DrawFn, classes: Any, given: Iterable[str]) -> Any:
    """Return a name of a registry, often with options, or something else."""
    if _is_one_of(draw, USUAL):
        return draw(st.sampled_from(ODD))
    name = draw(st.sampled_from(sorted(classes)))
    options = draw(_options(classes[name], given, {}))
    if not options and draw(st.booleans()):
        return name
    return {"_name_": _misspelled(draw, name), **options}


@st.composite
def _options(
    draw: DrawFn,
    cls: Callable[..., Any],
    given: Iterable[str],
    special: dict[str, SearchStrategy[Any]],
) -> dict[str, Any]:
    """Return values for some of the options that a constructor declares."""
    declared = declared_options(cls, given)
    if not declared:
        return {}
    chosen = draw(st.lists(st.sampled_from(sorted(declared)), unique=True))
    options = {}
    for name in chosen:
        fitting = special[name] if name in special else _fitting(cls, declared[name])
        value = draw(st.sampled_from(ODD) if _is_one_of(draw, USUAL) else fitting)
        options[_misspelled(draw, name)] = value
    return options


def _fitting(cls: Callable[..., Any], option: inspect.Parameter) -> SearchStrategy[Any]:
    """Return values of the types that an option is declared with."""
    kinds = {option.annotation, *get_args(option.annotation), type(option.default)}
    if bool in kinds:
        kinds -= {int}
    words = _words(cls, option.name)
    by_kind = {
        bool: st.booleans(),
        int: SIZES,
        float: RATES,
        str: st.sampled_from(words) if words else RATES,
        type(None): st.none(),
    }
    fitting = [values for kind, values in by_kind.items() if kind in kinds]
    return st.one_of(st.just(option.default), *fitting)


def _words(cls: Callable[..., Any], option: str) -> list[str]:
    """Return the texts that the docstring of an option shows."""
    entry = re.search(
        rf"^ +{option} \(.*?(?=^ +\w+ \(|^$|\Z)",
        inspect.getdoc(cls) or "",
        flags=re.MULTILINE | re.DOTALL,
    )
    return re.findall(r"``([a-z][\w-]*)``", entry[0]) if entry else []


def _misspelled(draw: DrawFn, name: str) -> str:
    """Return a name, seldom with one letter too few or too many."""
    if not _is_one_of(draw, 100):
        return name
    at = draw(st.integers(0, len(name) - 1))
    return draw(
        st.sampled_from((name[:at] + name[at + 1 :], name[: at + 1] + name[at:]))
    )


def _is_one_of(draw: DrawFn, n: int) -> bool:
    # Not the first and not the last, which hypothesis draws more often.
    return draw(st.integers(0, n - 1)) == n // 2


Step = Union[str, int]


def steps_of(key: str) -> list[Step]:
    """Return the keys and indices of a path such as ``layer[0].d_state``."""
    found = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    return [int(index) if index else name for index, name in found]
