"""All cells: what is compared, on which folds, and with which seeds.

The first seed tries every rate on the first fold. All else takes the rate that was best
there, and is in the plan as soon as it is known.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from evidence.cell import Cell
from evidence.rates import FIRST_FOLD, FIRST_SEED, RATES, chosen_rate, row_name

SEEDS = (FIRST_SEED, 2, 3)
FOLDS = range(FIRST_FOLD, 8)
LONGER = 2  # times the steps


class Encoder(NamedTuple):
    """An encoder's name in the YAML, and its options."""

    name: str
    conf: dict[str, Any]


S4D = {
    "_name_": "s4d",
    "d_state": 32,
    "bidirectional": True,
    "dt_min": 0.02,
    "dt_max": 0.5,
    "lr": 0.001,
}
CONVOLUTION = {"_name_": "conv", "kernel": 15}
FEED_FORWARD = {"_name_": "ff", "expand": 2}
HALF_STEP = {**FEED_FORWARD, "activation": "swish", "scale": 0.5}
ATTENTION = {"_name_": "mha", "n_head": 2}
SELECTIVE = {"_name_": "mamba2", "bidirectional": True, "head_dim": 12, "d_state": 16}


def _block(*layer: Any, num_blocks: int, output_size: int) -> Encoder:
    size = {"num_blocks": num_blocks, "output_size": output_size}
    return Encoder("s4", {**size, "layer": list(layer)})


def _espnet(name: str, output_size: int, num_blocks: int, **options: Any) -> Encoder:
    size = {"output_size": output_size, "num_blocks": num_blocks}
    return Encoder(name, {**size, "attention_heads": 4, **options})


# Of 0.776 to 0.824 million parameters, ESPnet's conv2d in each.
OURS = "s4-conv-ff"
COMPARED = {
    OURS: _block(S4D, CONVOLUTION, FEED_FORWARD, num_blocks=8, output_size=88),
    "conv-ff": _block(CONVOLUTION, FEED_FORWARD, num_blocks=8, output_size=102),
    "conformer": _espnet(
        "conformer",
        output_size=80,
        num_blocks=6,
        linear_units=184,
        macaron_style=True,
        rel_pos_type="latest",
        cnn_module_kernel=15,
    ),
    "macaron": _block(
        HALF_STEP, S4D, CONVOLUTION, HALF_STEP, num_blocks=6, output_size=86
    ),
    "e_branchformer": _espnet(
        "e_branchformer",
        output_size=84,
        num_blocks=7,
        linear_units=192,
        cgmlp_linear_units=320,
        cgmlp_conv_kernel=15,
        merge_conv_kernel=15,
        rel_pos_type="latest",
    ),
    "s4-ff": _block(S4D, FEED_FORWARD, num_blocks=12, output_size=85),
    "transformer": _espnet(
        "transformer", output_size=80, num_blocks=10, linear_units=256
    ),
}
# In the place of s4d in our block; without any it is conv-ff.
REPLACED = {
    "mha-conv-ff": _block(
        ATTENTION, CONVOLUTION, FEED_FORWARD, num_blocks=8, output_size=82
    ),
    "mamba2-conv-ff": _block(
        SELECTIVE, CONVOLUTION, FEED_FORWARD, num_blocks=8, output_size=78
    ),
}
ENCODERS = {**COMPARED, **REPLACED}

# Beside ``residual``, in the 24 sublayers of our block.
FUNCTIONS = ("decay", "decay_schedule", "laurel_rw", "highway", "deepnorm")
NEEDS_POSTNORM = ("deepnorm",)


def _with_function(name: str) -> Encoder:
    options = {"residual": name, "prenorm": name not in NEEDS_POSTNORM}
    return Encoder("s4", {**COMPARED[OURS].conf, **options})


# What is compared in each study, the most telling first.
STUDIES: dict[str, Mapping[str, Encoder]] = {
    "encoder": COMPARED,
    "state_space": REPLACED,
    "function": {name: _with_function(name) for name in FUNCTIONS},
}


def all_cells() -> list[Cell]:
    """Return every cell: all studies with one seed, then with the next."""
    return [cell for seed in SEEDS for cell in _cells_of(seed)]


def _cells_of(seed: int) -> Iterator[Cell]:
    for study in STUDIES:
        if seed == FIRST_SEED:
            yield from _trials(study)
        yield from _chosen(study, seed)
    for name in COMPARED:
        lr = chosen_rate("encoder", name)
        if lr is not None:
            cell = encoder_cell("encoder", name, seed, lr)
            yield cell._replace(study="longer", times=LONGER)


def _trials(study: str) -> Iterator[Cell]:
    """Yield every rate, with the first seed and the first fold."""
    for lr in RATES:
        for name in STUDIES[study]:
            yield encoder_cell(study, name, FIRST_SEED, lr)


def _chosen(study: str, seed: int) -> Iterator[Cell]:
    """Yield the chosen rates on all folds, but what was a trial."""
    for fold in FOLDS:
        for name in STUDIES[study]:
            lr = chosen_rate(study, name)
            if lr is not None and (fold, seed) != (FIRST_FOLD, FIRST_SEED):
                yield encoder_cell(study, name, seed, lr, fold)


def encoder_cell(
    study: str, name: str, seed: int, lr: float, fold: int = FIRST_FOLD
) -> Cell:
    """Return the cell of a configuration of ``STUDIES``."""
    encoder = {**ENCODERS, **STUDIES[study]}[name]
    row = row_name(name, lr)
    return Cell(study, row, seed, encoder.name, encoder.conf, lr, held_out=fold)
