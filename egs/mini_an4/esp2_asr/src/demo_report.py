"""Print what the demo has shown: ``python src/demo_report.py exp/training``."""

import argparse
import json
import sys
import time
from pathlib import Path

from espnet3.systems.esp2_asr.task import ASRTask
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from espnet_residuals.encoder import Sublayer

Row = tuple[str, ...]


def main() -> int:
    """Print the tables; return 1 unless the training utterances came out right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp_dir", type=Path)
    parser.add_argument(
        "--started", type=int, help="when the demo began, in seconds since 1970"
    )
    args = parser.parse_args()
    exp_dir: Path = args.exp_dir.resolve()

    model, _ = ASRTask.build_model_from_file(
        exp_dir / "config.yaml", exp_dir / "best.ckpt"
    )
    rates = read_error_rates(exp_dir / "inference" / "metrics.json")

    print_table(residual_rows(model))
    print_table(error_rows(rates))
    facts: list[Row] = [
        ("parameters", f"{count_parameters(model):,}"),
        ("training loss", describe_loss(exp_dir / "tensorboard")),
        ("results in", str(exp_dir)),
        ("model", "best.ckpt, packed in model_pack/"),
        ("TensorBoard", "tensorboard/"),
    ]
    if args.started is not None:
        facts.append(("time", f"{time.time() - args.started:.0f} s"))
    print_table(facts)

    if rates["WER"]["train"] == 0:
        return 0
    print(
        "The demo failed: the WER of the training utterances is "
        f"{rates['WER']['train']} %, where it should be 0.",
        file=sys.stderr,
    )
    return 1


def residual_rows(model: nn.Module) -> list[Row]:
    """Return one row for each sublayer of the encoder."""
    rows: list[Row] = [("sublayer", "layer", "residual", "alpha", "beta")]
    sublayers = [module for module in model.modules() if isinstance(module, Sublayer)]
    for index, sublayer in enumerate(sublayers, start=1):
        names = [type(sublayer.layer).__name__, type(sublayer.residual).__name__]
        rows.append((str(index), *names, *describe_weights(sublayer.residual)))
    return rows


def describe_weights(residual: nn.Module) -> tuple[str, str]:
    """Return alpha and beta of a residual function that does not learn them."""
    if any(True for _ in residual.parameters()):
        return "learned", ""
    return f"{residual.alpha:.3f}", f"{residual.beta:.3f}"


def read_error_rates(path: Path) -> dict[str, dict[str, float]]:
    """Read ``metrics.json`` as metric -> test set -> percent."""
    metrics = json.loads(path.read_text(encoding="utf-8"))
    rates: dict[str, dict[str, float]] = {}
    for test_sets in metrics.values():
        for test_set, values in test_sets.items():
            for metric, value in values.items():
                rates.setdefault(metric, {})[test_set] = value
    return rates


def error_rows(rates: dict[str, dict[str, float]]) -> list[Row]:
    """Return one row for each test set of ``conf/inference.yaml``."""
    notes = {"train": "learned by heart", "valid": "never seen", "test": "never seen"}
    rows: list[Row] = [("utterances", *(f"{metric} %" for metric in rates), "")]
    for test_set, note in notes.items():
        percents = [f"{rates[metric][test_set]:.1f}" for metric in rates]
        rows.append((test_set, *percents, note))
    return rows


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def describe_loss(tensorboard: Path) -> str:
    """Return the first and the last training loss that TensorBoard shows."""
    newest = max(tensorboard.rglob("events.out.tfevents.*"))
    events = EventAccumulator(str(newest))
    events.Reload()
    losses = events.Scalars("train/loss")
    first, last = losses[0], losses[-1]
    return (
        f"{first.value:.3f} (step {first.step + 1}) -> "
        f"{last.value:.3f} (step {last.step + 1})"
    )


def print_table(rows: list[Row]) -> None:
    """Print rows of equal length as columns, then an empty line."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        print("  ".join(cells).rstrip())
    print()


if __name__ == "__main__":
    sys.exit(main())
