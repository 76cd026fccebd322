"""Print what a model has achieved: ``python -m src.report exp/training``."""

import argparse
import json
import sys
import time
from pathlib import Path

from espnet3.systems.esp2_asr.task import ASRTask
from src.scores import Score, score_folder


def main() -> int:
    """Print the table and keep it in results.json; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp_dir", type=Path)
    parser.add_argument(
        "--inference", default="inference", help="folder of decoded test sets in it"
    )
    parser.add_argument(
        "--started", type=int, help="when the run began, in seconds since 1970"
    )
    parser.add_argument(
        "--at-most",
        action="append",
        default=[],
        metavar="SET=WER",
        help="fail if the word error rate of a test set is higher, such as test=6",
    )
    args = parser.parse_args()

    scores = read_scores(args.exp_dir / args.inference)
    parameters = count_parameters(args.exp_dir / "config.yaml")
    minutes = None if args.started is None else (time.time() - args.started) / 60
    print(format_table(scores))
    print(f"\nparameters {parameters:,}")
    if minutes is not None:
        print(f"minutes    {minutes:.1f}, all stages")
    results = {name: score._asdict() for name, score in scores.items()}
    path = args.exp_dir / f"results_{args.inference}.json"
    path.write_text(
        json.dumps(
            {"parameters": parameters, "minutes": minutes, "test_sets": results},
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    missed = find_missed(scores, args.at_most)
    for message in missed:
        print(message, file=sys.stderr)
    return 1 if missed else 0


def read_scores(inference_dir: Path) -> dict[str, Score]:
    """Score every test set in the folder."""
    folders = sorted(path.parent for path in inference_dir.glob("*/text.scp"))
    if not folders:
        sys.exit(f"{inference_dir} holds no decoded test set; run infer and measure")
    return {folder.name: score_folder(folder) for folder in folders}


def count_parameters(config: Path) -> int:
    """Count the numbers that training changes."""
    model, _ = ASRTask.build_model_from_file(config)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def format_table(scores: dict[str, Score]) -> str:
    """Return a Markdown table, one line a test set."""
    lines = [
        "| test set | utterances | words | WER % | 95 % interval | CER % "
        "| 95 % interval | sub | del | ins |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, s in scores.items():
        lines.append(
            f"| {name} | {s.utterances} | {s.words} "
            f"| {s.wer:.2f} | {s.low:.2f} to {s.high:.2f} "
            f"| {s.cer:.2f} | {s.cer_low:.2f} to {s.cer_high:.2f} "
            f"| {s.substitutions} | {s.deletions} | {s.insertions} |"
        )
    return "\n".join(lines)


def find_missed(scores: dict[str, Score], bars: list[str]) -> list[str]:
    """Return a message for each bar such as ``test=6`` that is missed."""
    messages = []
    for bar in bars:
        name, _, value = bar.partition("=")
        if name not in scores:
            messages.append(f"{bar}: there is no test set {name!r}")
        elif scores[name].wer > float(value):
            messages.append(f"WER of {name}: {scores[name].wer:.2f} %, above {value} %")
    return messages


if __name__ == "__main__":
    sys.exit(main())
