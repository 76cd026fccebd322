"""Write docs/residuals.md, the page on all residual functions, from their classes.

``python docs/make_residuals.py`` writes the page; with ``--check`` it fails if the page
is not what it would write.
"""

import argparse
import inspect
import re
import sys
from pathlib import Path
from typing import NamedTuple, Sequence

import torch

from espnet_residuals.residual import build_residual, registry
from espnet_residuals.residual.description import (
    as_in_yaml,
    latex_formula,
    names_of_classes,
    options_of,
    split_names,
)

PAGE = Path(__file__).with_name("residuals.md")
COMMAND = "python docs/make_residuals.py"
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

OPENING = f"""\
# Residual functions

<!-- Written by `{COMMAND}`; edit that file, not this one. -->

After this page you can choose a residual function, name it in a YAML or call it in
Python, and say what it does to the stream at the start.

`x` goes into a sublayer, `y` comes out of it, `i` is the number of the sublayer from 1,
d the number of features. Write a name, or a mapping with `_name_` and options, under
`residual:` in the YAML. A function that needs the number of sublayers gets it from the
encoder. Every docstring has the whole formula, the range of each option and an example.
`espnet-residuals list` prints the functions of your installation, `show` the weights of
a stack, and `probe` measures what they do in the encoder of a training YAML.

## Which residual should I choose?

- Start with `residual`. Take `decay` where the stream is not to grow with depth, or
  `decay` with `offset: 1`, which with its other defaults is the same model as
  `residual`, since the norms take its factor out.
- With the start of this package the choice is nearly one of model, not of survival: 10
  of the 15 functions train at 24 sublayers with every seed tried, `laurel_lr` at a
  lower learning rate. `decay_schedule` and `layerscale` learned slowly with the one
  seed tried so far. At 48 sublayers `decay` read 3.9, 3.7 and 1.6 % of the words wrong,
  `residual` 13.2, 2.4 and 2.0.
- `deepnorm` learns slowly or not at all with this start; with that of the S4 authors'
  code and a low rate it trained with three seeds of three.
- `bypass`, which keeps a tenth of its input, and `feedforward`, which keeps nothing, do
  not train. Postnorm with `residual` does not either: the frames are there at the start
  and lost within 50 steps. A norm behind each block (`block_norm`) wants a lower rate
  for the same reason.
- Ask `espnet-residuals probe` before you train ([Instruments](instruments.md#probe)).

These are small models: connected digits, 24 sublayers of S4D and feed-forward by turns,
prenorm (`deepnorm`: postnorm), 0.26 million parameters, 450 steps. The table has the
words of `test` that are read wrong, in percent: mean ± standard deviation over the
seeds, with the start of the S4 authors' code (three seeds; `bypass` two) and with that
of this package.

| residual | rate | `start: s4` | `start: direct` | seeds |
| --- | --- | --- | --- | --- |
| `residual` | 0.012 | 2.5 ± 0.5 | 1.6 ± 0.5 | 3 |
| `decay` | 0.012 | 95.8 ± 3.6 | 2.4 ± 1.2 | 3 |
| `decay_schedule` | 0.012 | not tried | 19.9 | 1 |
| `affine` | 0.012 | 2.4 ± 1.1 | 1.9 | 1 |
| `highway` | 0.012 | 101.3 ± 1.3 | 3.0 ± 0.2 | 2 |
| `feedforward` | 0.003 | 101.0 ± 1.6 | 100.0 | 1 |
| `rezero` | 0.012 | 4.8 ± 2.5 | 1.4 | 1 |
| `layerscale` | 0.012 | 4.7 ± 2.4 | 19.9 | 1 |
| `deepnorm` | 0.003 | 6.7 ± 2.6 | 30.2 ± 29.2 | 3 |
| `depth_scaled` | 0.012 | not tried | 8.3 | 1 |
| `bypass` | 0.003 | 103.2 ± 2.9 | 112.4 | 1 |
| `gru` | 0.012 | 45.0 ± 49.1 | 2.4 ± 0.6 | 2 |
| `laurel_rw` | 0.012 | 2.1 ± 0.4 | 1.8 | 1 |
| `laurel_lr` | 0.003 | 6.4 ± 2.4 | 4.4 | 1 |
| `orthogonal` | 0.012 | not tried | 3.2 | 1 |

It is a task of ten words and of minutes: on large data slow starters may catch up.
[RESULTS.md](../egs/fsdd/esp2_asr/RESULTS.md) has all numbers, and what they cannot say.

## The formulas
"""

TABLE_HEAD = """\
| name (aliases) | class | result | parameters per sublayer | norm |
| --- | --- | --- | --- | --- |
"""

NOTES_ON_TABLE = """\
The parameters are counted with the default options. Under `norm`, prenorm means
`prenorm: true` in the YAML.

## When to use which

| name | when | options (defaults) | papers |
| --- | --- | --- | --- |
"""

CLOSING = """\
## `decay`

`decay` with its defaults gives every sublayer the same share of the output: a prenorm
stack of K sublayers returns (y₁ + … + y_K)/√K. At i = 1 it keeps nothing of `x`, so the
first sublayer has to hand the features on; the layers of this package start so that it
does. With `offset: 1` it keeps `x`, and as the norms take the root out again, such a
prenorm stack is the same model as one with `residual`. The docstring of `DecayResidual`
has more.

## In Python, and beside ESPnet's own

Each function is a module: `DecayResidual(i_layer=2, d_input=10, d_model=10)(x, y)`,
with `x` and `y` of shape (batch, length, d_model).

`residual`, `affine`, `feedforward`, `highway` and `decay` are ESPnet's. Its
`espnet2.asr.state_spaces`, derived from the S4 authors' code, holds them with an S4
layer and a stack that one decoder uses. This package keeps their names, options,
numbers and checkpoints: code that imports from `espnet2.asr.state_spaces.residual`
works with `espnet_residuals.residual` instead. Nothing of ESPnet is edited: names are
added to ESPnet's choices of encoders and to its registry of residual functions when it
imports them, and only `register()` puts this package's functions in the place of
ESPnet's.

Where they differ from ESPnet's, it is because they refuse what went wrong silently:
shapes that broadcast, a layer index of 0, a negative power, sizes that cannot be added.
They keep half precision, honour `transposed` everywhere, compile and script; where `x`
is not kept, an infinity in it does not become NaN.

## Starts

The layers of the encoder start so that no residual function loses the features
(`espnet_residuals.start` has the principle): a layer hands on what happens in each
frame, with power 1 where the function keeps nothing of its input, as `decay` at its
first sublayer, and with power 1/K in a stack of K sublayers where it keeps it.
`depth_scaled` divides its branches by the root of K itself, `rezero` and `layerscale`
start with small weights of their own: they get power 1, `deepnorm` its `init_gain`. The
gate of `highway` starts at 1/K, as its paper advises; in ESPnet's
class, and without the encoder, it starts at about 1/2, which leaves nothing of the
input behind a dozen sublayers. `start: s4` in the YAML brings back the former start of
the layers, that of the S4 authors' code; the gates stay as they are.

ESPnet's `init:` draws all matrices anew and sets biases to 0. `gru` and `laurel_lr`
restore their start behind it, the weights of the others are neither, and the encoder
multiplies the start of its layers by DeepNorm's `init_gain` once more. Where a
start is 0 the gradient of what it multiplies is 0 too, until the first step: that of
the sublayer's own parameters with `rezero`, that of `A` with `laurel_lr`. No parameter
is without a gradient, so DistributedDataParallel has no unused parameters to find.

## What does not fit, and why

A residual function here sees one stream: the input and the output of one sublayer. Some
families need more.

- Several streams: [hyper-connections](https://arxiv.org/abs/2409.19606) and their
  successors, such as [mHC](https://arxiv.org/abs/2512.24880), keep n copies of the
  stream, which every sublayer reads and writes with learned weights. The stream would
  have n times the features everywhere, also in what the encoder takes and gives.
- Attention over depth: [DenseFormer](https://arxiv.org/abs/2402.02622),
  [MUDDFormer](https://arxiv.org/abs/2502.12170),
  [Attention Residuals](https://arxiv.org/abs/2603.15031), and LAuReL's variant with
  previous activations read the outputs of all earlier sublayers. A function would need
  them all, and a streaming encoder would carry them.
  [Value residuals](https://arxiv.org/abs/2410.17897) join inside of the attention.
- Where the norm stands: [LayerNorm Scaling](https://arxiv.org/abs/2502.05795) divides
  what the norm hands to the layer by √i, [Mix-LN](https://arxiv.org/abs/2412.13795)
  takes postnorm first and prenorm then, [Peri-LN](https://arxiv.org/abs/2502.02732)
  has a second norm behind the layer, [Keel](https://arxiv.org/abs/2601.19895) behind
  the sum. `affine` with `gamma: 0.5` weighs the branch by 1/√i too, though behind the
  layer and learned from there.
- The sphere: [nGPT](https://arxiv.org/abs/2410.01131) moves a stream of length 1
  towards a branch of length 1, and brings the vectors in all matrices back to length 1
  after every update.

These belong in the stack, the sublayer or the optimizer, not in the function that joins
x and y.

What does fit, and is not here: gates on the update such as
[Review Residuals](https://arxiv.org/abs/2606.31859), and
[Deep Delta Learning](https://arxiv.org/abs/2601.00417) with one value, which in every
frame rewrites x along one direction. Its larger form keeps a stream of matrices and
does not. With `@register_residual` it takes a few lines to try one.
"""


def page() -> str:
    """Return the text of the page."""
    names = {
        cls: listed
        for cls, listed in names_of_classes(registry).items()
        if cls.__module__.startswith("espnet_residuals.")
    }
    missing = [cls.__name__ for cls in names if cls.__name__ not in ADVICE]
    if missing:
        raise SystemExit(f"ADVICE in {__file__} lacks {', '.join(missing)}")
    order = {name: rank for rank, name in enumerate(ADVICE)}
    classes = sorted(names, key=lambda cls: order[cls.__name__])
    table = [_table_row(cls, names[cls]) for cls in classes]
    advice = [_advice_row(cls, names[cls]) for cls in classes]
    return "\n".join(
        [
            OPENING,
            TABLE_HEAD + "".join(table),
            NOTES_ON_TABLE + "".join(advice),
            CLOSING,
        ]
    )


def _table_row(cls: type, names: Sequence[str]) -> str:
    cells = (
        _named(names),
        f"`{cls.__name__}`",
        _formula(cls),
        _parameters(cls),
        ADVICE[cls.__name__].norm,
    )
    return f"| {' | '.join(cells)} |\n"


def _advice_row(cls: type, names: Sequence[str]) -> str:
    cells = (
        f"`{split_names(names)[0]}`",
        ADVICE[cls.__name__].use,
        _options(cls),
        _papers(cls),
    )
    return f"| {' | '.join(cells)} |\n"


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
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    text = page()
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.name} is not current; run: {COMMAND}")


if __name__ == "__main__":
    main()
