"""Make the tables of docs/residuals.md anew, from the classes and their trainings.

``python -m docs.make_residuals`` fills the page; with ``--check`` it fails if a table
is not what it would write.
"""

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import NamedTuple, Sequence

import torch

from docs.residual_scores import TITLES, scores
from espnet_residuals.residual import build_residual, registry
from espnet_residuals.residual.description import (
    as_in_yaml,
    latex_formula,
    names_of_classes,
    options_of,
    split_names,
)

PAGE = Path(__file__).with_name("residuals.md")
COMMAND = "python -m docs.make_residuals"
N_LAYERS = 24


class Advice(NamedTuple):
    """What the class itself does not say.

    Attributes:
        where (str): What the symbols of its formula stand for.
        norm (str): Where the function expects the norm.
        use (str): When to take it.
    """

    where: str
    norm: str
    use: str


ADVICE = {
    "Residual": Advice(
        "α = `alpha`, β = `beta`", "either", "The baseline; start here."
    ),
    "DecayResidual": Advice(
        "β = (i + `offset`)^−`power`; α = √(1 − β²) with `l2`, else 1 − β",
        "prenorm",
        "The stream is not to grow: every sublayer has the same share of the output.",
    ),
    "DecaySchedule": Advice(
        "β from `first` to `last`; α as in `decay`",
        "prenorm",
        "As `decay`, with the first and the last weight chosen by you.",
    ),
    "Affine": Advice(
        "α = `alpha`; c learned, at first `beta`·i^−`gamma`",
        "prenorm",
        "The branch's weight is to be learned from a start.",
    ),
    "Highway": Advice(
        "y′ = W₁y + b₁; r = σ(W₂x + b₂ + y′); c = 1 or 1.732",
        "either",
        "Every frame is to choose between input and branch; costs matrices.",
    ),
    "Feedforward": Advice("", "either", "Ablation: what the stack does without."),
    "ReZero": Advice(
        "a learned, at first 0",
        "prenorm, or no norm",
        "Deep stacks that do not start to train otherwise.",
    ),
    "LayerScale": Advice(
        "γ learned for each feature, at first `init` or by depth",
        "prenorm",
        "As `rezero`, per feature, and no gradient is 0 at the start.",
    ),
    "DeepNorm": Advice(
        "N = half the number of sublayers; start of the branch times (8N)^−1/4",
        "postnorm (enforced)",
        "Deep postnorm stacks; smaller start included.",
    ),
    "DepthScaled": Advice(
        "L = number of sublayers; s = `scale`, p = `power`",
        "prenorm",
        "Comparing depths: the branches weigh the same together in each.",
    ),
    "Bypass": Advice(
        "c learned for each feature, between 1 and a floor that falls in training",
        "either",
        "Features that may skip a sublayer; wants long training runs.",
    ),
    "GRUGate": Advice(
        "z, h as in a GRU with the input y and the state x; z held shut by `bias`",
        "prenorm",
        "Unstable training, where six matrices a sublayer are no matter.",
    ),
    "LaurelRW": Advice(
        "a, b learned, at first 1",
        "prenorm",
        "Two numbers a sublayer more than the baseline.",
    ),
    "LaurelLR": Advice(
        "A, B learned, of rank `rank`; B at first 0",
        "prenorm",
        "The stream itself is to be transformed, with few parameters.",
    ),
    "OrthogonalUpdate": Advice(
        "p = (x · y) / (x · x + `eps`), over the features of a frame",
        "prenorm",
        "Branches that mostly repeat the stream; no parameters.",
    ),
}

FORMULAS = ("name (aliases)", "class", "result", "parameters per sublayer", "norm")
USES = ("name", "when", "options (defaults)", "papers")


def filled(text: str) -> str:
    """Return the page with its tables made anew.

    Args:
        text (str): The page; a table stands between ``<!-- name -->`` and
            ``<!-- end -->``.
    """
    names = {
        cls: listed
        for cls, listed in names_of_classes(registry).items()
        if cls.__module__.startswith("espnet_residuals.")
    }
    missing = [cls.__name__ for cls in names if cls.__name__ not in ADVICE]
    if missing:
        raise SystemExit(f"ADVICE in {__file__} lacks {', '.join(missing)}")
    order = {name: rank for rank, name in enumerate(ADVICE)}
    listed = sorted(names.items(), key=lambda item: order[item[0].__name__])
    tables = {
        "scores": table(TITLES, scores([split_names(own)[0] for _, own in listed])),
        "formulas": table(FORMULAS, [_formula_row(*item) for item in listed]),
        "advice": table(USES, [_advice_row(*item) for item in listed]),
    }
    return re.sub(
        r"<!-- (?P<name>\w+) -->\n.*?<!-- end -->",
        lambda match: f"<!-- {match['name']} -->\n\n{tables[match['name']]}\n\n"
        "<!-- end -->",
        text,
        flags=re.DOTALL,
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = (titles, ["---"] * len(titles), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _formula_row(cls: type, names: Sequence[str]) -> Sequence[str]:
    return (
        _named(names),
        f"`{cls.__name__}`",
        _formula(cls),
        _parameters(cls),
        ADVICE[cls.__name__].norm,
    )


def _advice_row(cls: type, names: Sequence[str]) -> Sequence[str]:
    return (
        f"`{split_names(names)[0]}`",
        ADVICE[cls.__name__].use,
        _options(cls),
        _papers(cls),
    )


def _named(names: Sequence[str]) -> str:
    main, others = split_names(names)
    aliases = ", ".join(f"`{name}`" for name in others)
    return f"`{main}` ({aliases})" if aliases else f"`{main}`"


def _formula(cls: type) -> str:
    """Return the formula in the first line of the docstring, and its symbols."""
    formula = f"$`{latex_formula(cls)}`$"
    return "; ".join(filter(None, (formula, ADVICE[cls.__name__].where)))


def _papers(cls: type) -> str:
    found = re.findall(r"https://arxiv\.org/abs/([\d.]+\d)", inspect.getdoc(cls) or "")
    return ", ".join(f"[{paper}](https://arxiv.org/abs/{paper})" for paper in found)


def _options(cls: type) -> str:
    return ", ".join(
        f"`{name}` ({as_in_yaml(default)})" for name, default in options_of(cls).items()
    )


def _parameters(cls: type) -> str:
    """Return the number of parameters as a polynomial of the number of features."""
    sizes = torch.tensor([16.0, 32.0, 48.0], dtype=torch.float64)
    counts = torch.tensor([_count(cls, int(size)) for size in sizes]).double()
    powers = torch.stack([sizes**2, sizes, torch.ones(3).double()], dim=1)
    terms = zip(torch.linalg.solve(powers, counts).round().tolist(), ("d²", "d", ""))
    shown = [_term(int(factor), power) for factor, power in terms if factor]
    return " + ".join(shown) or "0"


def _term(factor: int, power: str) -> str:
    return power if power and factor == 1 else f"{factor}{power}"


def _count(cls: type, features: int) -> int:
    module = build_residual(cls, 1, features, features, n_layers=N_LAYERS)
    return sum(parameter.numel() for parameter in module.parameters())


def main() -> None:
    """Fill or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    text = PAGE.read_text(encoding="utf-8")
    current = filled(text)
    if not check:
        PAGE.write_text(current, encoding="utf-8")
    elif current != text:
        sys.exit(f"{PAGE.name} is not current; run: {COMMAND}")


if __name__ == "__main__":
    main()
