"""All cells: what is compared, and with which seeds."""

from collections.abc import Iterator
from typing import Any

from evidence.cell import Cell

SEEDS = (1, 2, 3)

# Every residual function, at 24 sublayers, with the rate that suits it better.
HIGH, MIDDLE, LOW = 0.012, 0.006, 0.003
FUNCTIONS = {
    "residual": HIGH,
    "decay": HIGH,
    "decay_schedule": HIGH,
    "affine": HIGH,
    "highway": HIGH,
    "feedforward": LOW,
    "rezero": HIGH,
    "layerscale": HIGH,
    "deepnorm": LOW,
    "depth_scaled": HIGH,
    "bypass": LOW,
    "gru": HIGH,
    "laurel_rw": HIGH,
    "laurel_lr": MIDDLE,
    "orthogonal": HIGH,
}
NEEDS_POSTNORM = ("deepnorm",)
VARIANTS: dict[str, Any] = {
    "decay, power 1": {"_name_": "decay", "power": 1.0},
    "decay, linear": {"_name_": "decay", "l2": False},
    "decay, offset 1": {"_name_": "decay", "offset": 1},
    "decay, power 0.25": {"_name_": "decay", "power": 0.25},
}
DEPTHS = (48,)  # sublayers, beside the 24 of all others; a block has two
COMPARED = ("residual", "decay")
RATES = (MIDDLE, 0.024)  # beside the two above
LONGER = 3  # times the steps

TORCHS_INPUT = "input as torch draws it"
# Other numbers in the start of the layers; ``evidence.start`` says what they are.
STARTS: dict[str, dict[str, float]] = {
    "kernel 0.03": {"kernel_gain": 0.03},
    "kernel 0.3": {"kernel_gain": 0.3},
    "kernel 1": {"kernel_gain": 1.0},
    "branches 0.1": {"branch_gain": 0.1},
    "branches 0.3": {"branch_gain": 0.3},
    "branches 1": {"branch_gain": 1.0},
    "direct path normal": {"direct_path": 1.0},
    TORCHS_INPUT: {"input_weights": 1.0},
}

# Of 0.259 to 0.267 million parameters. ESPnet's attention encoders have no ``conv1d2``;
# with their ``conv2d2`` S4 has fewer sublayers.
ATTENTION = {"output_size": 48, "attention_heads": 4, "input_layer": "conv2d2"}
ESPNET: dict[str, dict[str, Any]] = {
    "conformer": {
        **ATTENTION,
        "num_blocks": 4,
        "linear_units": 160,
        "macaron_style": True,
        "rel_pos_type": "latest",
        "cnn_module_kernel": 15,
    },
    "e_branchformer": {
        **ATTENTION,
        "num_blocks": 6,
        "linear_units": 128,
        "cgmlp_linear_units": 192,
        "cgmlp_conv_kernel": 15,
        "merge_conv_kernel": 15,
        "rel_pos_type": "latest",
    },
    "transformer": {**ATTENTION, "num_blocks": 7, "linear_units": 192},
    "rnn": {
        "rnn_type": "lstm",
        "num_layers": 3,
        "hidden_size": 72,
        "output_size": 72,
        "subsample": [2, 1, 1],
    },
}
S4D = {"_name_": "s4d", "d_state": 32, "bidirectional": True}
STATE_SPACE = {**S4D, "dt_min": 0.05, "dt_max": 0.5, "lr": 0.001}
HALF_STEP = {"_name_": "ff", "expand": 2, "activation": "swish", "scale": 0.5}
CONVOLUTION = {"_name_": "conv", "kernel": 11}
SELF_ATTENTION = {"_name_": "mha", "n_head": 4}


def _block(*layer: Any, num_blocks: int, output_size: int) -> dict[str, Any]:
    """Return an encoder ``s4`` of these sublayers."""
    size = {"num_blocks": num_blocks, "output_size": output_size}
    return {"input_layer": "conv2d2", **size, "layer": list(layer)}


SELECTIVE = {"_name_": "mamba2", "bidirectional": True, "head_dim": 8, "d_state": 16}


def _macaron(*middle: Any, num_blocks: int, output_size: int) -> dict[str, Any]:
    """Return an encoder of Conformer's blocks with other layers for its attention."""
    layer = (HALF_STEP, *middle, CONVOLUTION, HALF_STEP)
    return _block(*layer, num_blocks=num_blocks, output_size=output_size)


MACARON = _macaron(STATE_SPACE, num_blocks=6, output_size=46)
FEED_FORWARD = {"_name_": "ff", "expand": 2}

# Blocks of ``encoder: s4``; the first is the one of all other studies.
BLOCKS: dict[str, dict[str, Any]] = {
    "s4": {"input_layer": "conv2d2", "num_blocks": 10},
    "s4-conv-ff": _block(
        STATE_SPACE, CONVOLUTION, FEED_FORWARD, num_blocks=7, output_size=48
    ),
    "macaron": MACARON,
    "macaron-norm": {**MACARON, "block_norm": True},
    "macaron-mha": _macaron(SELF_ATTENTION, num_blocks=8, output_size=40),
    "macaron-mha-s4": _macaron(
        SELF_ATTENTION, STATE_SPACE, num_blocks=5, output_size=44
    ),
    "macaron-mamba2": _macaron(SELECTIVE, num_blocks=7, output_size=40),
    "conv": _macaron(num_blocks=6, output_size=52),
}
ENCODERS = {**BLOCKS, **ESPNET}
BLOCK_RATES = (0.005, 0.012)  # with the first seed
ENCODER_RATES = (0.0005, 0.001, 0.002, 0.005, 0.012, 0.024)  # likewise, of ESPnet's
CHOSEN_RATE = {  # the lowest loss at the end; the other seeds take it alone
    "s4": 0.012,
    "s4-conv-ff": 0.012,
    "macaron": 0.012,
    "macaron-norm": 0.002,
    "macaron-mha": 0.005,
    "macaron-mha-s4": 0.005,
    "macaron-mamba2": 0.005,
    "conv": 0.012,
    "conformer": 0.002,
    "e_branchformer": 0.001,
    "transformer": 0.005,
    "rnn": 0.005,
}


def rates(name: str) -> tuple[float, ...]:
    """Return the rates that an encoder is trained with."""
    if name in BLOCKS:
        return tuple(sorted({*BLOCK_RATES, CHOSEN_RATE[name]}))
    return ENCODER_RATES


ENCODERS_LONGER = 2  # times the steps
UNHEARD = "theo"  # the speaker whom the encoders compared with each other do not hear


def _s4d(**options: Any) -> dict[str, Any]:
    """Return the layers of a block with other options of ``s4d``."""
    return {"layer": [{**STATE_SPACE, **options}, FEED_FORWARD]}


ABLATIONS: dict[str, dict[str, Any]] = {
    "unidirectional": _s4d(bidirectional=False),
    "drop_path 0.1": {"drop_path": 0.1},
    "d_state 16": _s4d(d_state=16),
    "d_state 64": _s4d(d_state=64),
    "S4D-Inv": _s4d(init="inv"),
    "S4D-LegS": _s4d(init="legs"),
}
STEP_LENGTHS = ((0.001, 0.1), (0.01, 0.1), (0.01, 0.5), (0.2, 2.0))


def all_cells() -> list[Cell]:
    """Return every cell: all studies with one seed, then with the next."""
    return [cell for seed in SEEDS for cell in _cells_of(seed)]


def _cells_of(seed: int) -> Iterator[Cell]:
    yield from _functions(seed)
    yield from _depths_and_rates(seed)
    yield from _parts(seed)
    yield from _encoders(seed)


def _functions(seed: int) -> Iterator[Cell]:
    for name, chosen in FUNCTIONS.items():
        # The first seed shows all rates; those of COMPARED are a study of their own.
        both = seed == SEEDS[0] and name not in COMPARED
        for lr in sorted({LOW, chosen, HIGH}) if both else (chosen,):
            conf = {"residual": name, "prenorm": name not in NEEDS_POSTNORM}
            yield Cell("function", f"{name} {lr}", seed, encoder_conf=conf, lr=lr)
    for lr in (LOW, HIGH) if seed == SEEDS[0] else (LOW,):
        conf = {"residual": "residual", "prenorm": False}
        yield Cell("function", f"residual, postnorm {lr}", seed, "s4", conf, lr)
    for name, residual in VARIANTS.items():
        yield Cell("variant", name, seed, encoder_conf={"residual": residual})


def _depths_and_rates(seed: int) -> Iterator[Cell]:
    for name in COMPARED:
        for depth in DEPTHS:
            conf = {"residual": name, "num_blocks": depth // 2}
            yield Cell("depth", f"{name} {depth}", seed, encoder_conf=conf)
            row, start = f"{name} {depth}, {TORCHS_INPUT}", STARTS[TORCHS_INPUT]
            yield Cell("depth", row, seed, encoder_conf=conf, start=start)
        conf = {"residual": name}
        for lr in (LOW, *RATES):
            yield Cell("rate", f"{name} {lr}", seed, encoder_conf=conf, lr=lr)
        yield Cell("longer", name, seed, encoder_conf=conf, times=LONGER)


def _parts(seed: int) -> Iterator[Cell]:
    for name, conf in ABLATIONS.items():
        yield Cell("ablation", name, seed, encoder_conf=conf)
    for dt_min, dt_max in STEP_LENGTHS:
        conf = _s4d(dt_min=dt_min, dt_max=dt_max)
        yield Cell("dt", f"{dt_min} to {dt_max}", seed, encoder_conf=conf)
    for residual in COMPARED:
        for name, start in STARTS.items():
            conf = {"residual": residual}
            row = f"{residual}, {name}"
            yield Cell("start", row, seed, encoder_conf=conf, start=start)


def _encoders(seed: int) -> Iterator[Cell]:
    for name in ENCODERS:
        for lr in rates(name) if seed == SEEDS[0] else (CHOSEN_RATE[name],):
            yield encoder_cell("encoder", name, seed, lr)
    for name in ENCODERS:
        longer = encoder_cell("encoder_longer", name, seed, CHOSEN_RATE[name])
        yield longer._replace(name=name, times=ENCODERS_LONGER)


def encoder_cell(study: str, name: str, seed: int, lr: float) -> Cell:
    """Return the cell of one of ``ENCODERS``."""
    encoder, conf = "s4" if name in BLOCKS else name, ENCODERS[name]
    return Cell(study, f"{name} {lr}", seed, encoder, conf, lr, held_out=UNHEARD)
