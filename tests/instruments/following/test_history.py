"""What `history` makes of event files, finite or not."""

import math
from pathlib import Path
from typing import Sequence

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from espnet_residuals.cli import main
from espnet_residuals.instruments.following.event_files import read_history

NAN, INF = math.nan, math.inf


def write(folder: Path, values: dict[str, Sequence[tuple[int, float]]]) -> None:
    """Write an event file with the values of each name and step."""
    with SummaryWriter(str(folder)) as writer:
        for name, events in values.items():
            for step, value in events:
                writer.add_scalar(name, value, step)


def test_batches_that_espnet2_did_not_measure_are_left_out(tmp_path: Path) -> None:
    events = [(10, 0.5), (20, NAN), (30, 0.25), (40, NAN)]
    write(tmp_path, {"layer_share/1": events, "loss": [(10, NAN)]})
    history = read_history(tmp_path)
    assert history.steps == [10, 30]
    assert history.quantities["share"].tolist() == [[0.5, 0.25]]


@pytest.mark.parametrize(
    "events, expected",
    [
        ([(10, 0.5), (10, 0.25)], [0.5]),
        ([(10, NAN), (10, 0.25)], [0.25]),
        ([(5, INF), (10, NAN), (10, INF)], [INF]),
        ([(5, INF), (10, 0.5), (10, INF)], [INF, 0.5]),
        ([(10, INF), (10, INF)], [INF]),
    ],
    ids=str,
)
def test_mean_of_an_epoch_stands_only_for_what_is_missing_and_finite(
    events: list[tuple[int, float]], expected: list[float], tmp_path: Path
) -> None:
    write(tmp_path, {"layer_share/1": events})
    assert read_history(tmp_path).quantities["share"].tolist() == [expected]


BROKEN = {
    "layer_mean_square/1": [(1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0)],
    "layer_mean_square/2": [(1, 1.0), (2, 1.0), (3, INF), (4, INF)],
    "layer_share/1": [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.5)],
    "layer_share/2": [(1, 0.5), (2, INF), (3, 0.5), (4, NAN)],
    "layer_gradient/1": [(1, INF), (2, INF), (3, INF), (4, INF)],
    "layer_gradient/2": [(1, INF), (2, INF), (3, INF), (4, INF)],
}


def test_report_and_figure_show_when_and_where_a_training_broke(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, BROKEN)
    assert main(["history", str(tmp_path), "--plot", str(tmp_path / "map.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 sublayers, measured 4 times, from step 1 to 4")
    assert lines[-3:] == [
        "mean square: not finite from step 3 on, there in sublayer 2",
        "share: not finite 1 of 4 times, first at step 2, there in sublayer 2",
        "gradient: not finite from step 1 on, there in sublayers 1-2",
    ]
    assert n_red_pixels(tmp_path / "map.png") > 1000


def test_whole_training_is_neither_said_nor_shown_to_be_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finite = {
        name: [(step, min(value, 2.0)) for step, value in events]
        for name, events in BROKEN.items()
    }
    write(tmp_path, finite)
    assert main(["history", str(tmp_path), "--plot", str(tmp_path / "map.png")]) == 0
    assert "not finite" not in capsys.readouterr().out
    assert n_red_pixels(tmp_path / "map.png") == 0


def n_red_pixels(path: Path) -> int:
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    from espnet_residuals.instruments.showing.plot_style import VERMILION

    distance = np.abs(imread(path)[..., :3] - np.array(to_rgb(VERMILION))).max(axis=-1)
    return int((distance < 0.02).sum())
