"""All cells: what is compared, and with which seeds."""

from collections.abc import Iterator
from typing import Any, NamedTuple

SEEDS = (1, 2, 3)
RESIDUALS = ("residual", "decay", "highway", "affine", "feedforward")
DEPTHS = (8, 24, 48)  # sublayers; a block has two

# At 24 sublayers, beside those above.
VARIANTS: dict[str, Any] = {
    "decay, power 1": {"_name_": "decay", "power": 1.0},
    "decay, linear": {"_name_": "decay", "l2": False},
    "decay, offset 1": {"_name_": "decay", "offset": 1},
    "decay, power 0.25, offset 1": {"_name_": "decay", "power": 0.25, "offset": 1},
    "decay, power 1, offset 1": {"_name_": "decay", "power": 1.0, "offset": 1},
    "rezero": "rezero",
    "layerscale": "layerscale",
    "deepnorm": "deepnorm",
    "bypass": "bypass",
    "gru": "gru",
    "laurel_rw": "laurel_rw",
    "laurel_lr": "laurel_lr",
}
NEEDS_POSTNORM = ("deepnorm",)
RATES = (0.003, 0.006, 0.012, 0.024)
LEARNING_RATE = 0.012  # the best of them for ``residual``
RATED = ("residual", "decay")
# What does not train at that rate, at the lowest.
RETRIED: dict[str, Any] = {
    "highway": {"residual": "highway"},
    "feedforward": {"residual": "feedforward"},
    "bypass": {"residual": "bypass"},
    "laurel_lr": {"residual": "laurel_lr"},
    "deepnorm": {"residual": "deepnorm", "prenorm": False},
    "residual, postnorm": {"residual": "residual", "prenorm": False},
}
PROLONGED = ("residual", "decay", "highway")
LONGER = 3  # times the steps

# Of about 0.26 million parameters, as the S4 encoder with 24 sublayers. ESPnet's
# attention encoders have no ``conv1d2``; with their ``conv2d2`` S4 has fewer sublayers.
ATTENTION = {"output_size": 48, "attention_heads": 4, "input_layer": "conv2d2"}
ENCODERS: dict[str, dict[str, Any]] = {
    "s4": {"input_layer": "conv2d2", "num_blocks": 10},
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
ENCODER_RATES = (0.0005, 0.001, 0.002, 0.005, 0.012, 0.024)  # with the first seed
CHOSEN_RATE = {  # the lowest loss at the end; the other seeds take it alone
    "s4": 0.012,
    "conformer": 0.002,
    "e_branchformer": 0.001,
    "transformer": 0.005,
    "rnn": 0.005,
}
ENCODERS_LONGER = 2  # times the steps
UNHEARD = "theo"  # the speaker whom the encoders compared with each other do not hear


def _s4d(**options: Any) -> dict[str, Any]:
    """Return the layers of a block with other options of ``s4d``."""
    usual = {"d_state": 32, "bidirectional": True, "dt_min": 0.05, "dt_max": 0.5}
    layer = {"_name_": "s4d", **usual, "lr": 0.001, **options}
    return {"layer": [layer, {"_name_": "ff", "expand": 2}]}


ABLATIONS: dict[str, dict[str, Any]] = {
    "unidirectional": _s4d(bidirectional=False),
    "postnorm": {"prenorm": False},
    "drop_path 0.1": {"drop_path": 0.1},
    "d_state 16": _s4d(d_state=16),
    "d_state 64": _s4d(d_state=64),
    "S4D-Inv": _s4d(init="inv"),
    "S4D-LegS": _s4d(init="legs"),
}


class Cell(NamedTuple):
    """One configuration with one seed.

    Attributes:
        study: The table that it belongs to.
        name: Its row.
        seed: Of the start, the order of the data, and dropout.
        encoder: The encoder's name.
        encoder_conf: What differs from conf/evidence.yaml; of other encoders, all.
        lr: The learning rate.
        times: How many times the usual steps it trains.
        held_out: A speaker whom training does not hear.
    """

    study: str
    name: str
    seed: int
    encoder: str = "s4"
    encoder_conf: dict[str, Any] = {}
    lr: float = LEARNING_RATE
    times: int = 1
    held_out: str | None = None

    @property
    def file_name(self) -> str:
        """Name of the file that holds its results."""
        words = f"{self.study} {self.name} {self.seed}".replace(",", "").split()
        return "-".join(words) + ".json"


def all_cells() -> list[Cell]:
    """Return every cell: all studies with one seed, then with the next."""
    return [cell for seed in SEEDS for cell in _cells_of(seed)]


def _cells_of(seed: int) -> Iterator[Cell]:
    for depth in DEPTHS:
        for residual in RESIDUALS:
            conf = {"residual": residual, "num_blocks": depth // 2}
            yield Cell("depth", f"{residual} {depth}", seed, encoder_conf=conf)
    for name, residual in VARIANTS.items():
        conf = {"residual": residual, "prenorm": name not in NEEDS_POSTNORM}
        yield Cell("variant", name, seed, encoder_conf=conf)
    for residual in RATED:
        for lr in RATES:
            conf = {"residual": residual}
            yield Cell("rate", f"{residual} {lr}", seed, encoder_conf=conf, lr=lr)
    for name, conf in RETRIED.items():
        yield Cell("low_rate", name, seed, encoder_conf=conf, lr=min(RATES))
    for residual in PROLONGED:
        conf = {"residual": residual}
        yield Cell("longer", residual, seed, encoder_conf=conf, times=LONGER)
    for name, conf in ABLATIONS.items():
        yield Cell("ablation", name, seed, encoder_conf=conf)
    for name, conf in ENCODERS.items():
        for lr in ENCODER_RATES if seed == SEEDS[0] else (CHOSEN_RATE[name],):
            row = f"{name} {lr}"
            yield Cell("encoder", row, seed, name, conf, lr, held_out=UNHEARD)
    for name, conf in ENCODERS.items():
        lr, times = CHOSEN_RATE[name], ENCODERS_LONGER
        yield Cell("encoder_longer", name, seed, name, conf, lr, times, UNHEARD)
