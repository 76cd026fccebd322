"""The benchmarks run, and their table can be made anew from what they keep."""

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.result import Row, Sample, at_least, at_most


@pytest.mark.long
def test_every_measurement_runs_and_the_report_is_made_anew_from_json(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    out = ["--out", str(tmp_path)]
    main(["--quick", "--threads", "1", *out])
    table = (tmp_path / "table.md").read_text()
    (tmp_path / "table.md").unlink()
    (tmp_path / "figure.png").unlink()
    main(["--report", *out])
    assert (tmp_path / "table.md").read_text() == table
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_figure_is_a_ratio_of_medians_and_is_held_against_the_target() -> None:
    ours, other = Sample("ours", [1.0, 2.0, 9.0]), Sample("other", [8.0, 6.0, 1.0])
    gain = Row("w", "time", "s", 1, ours, other, at_least(3))
    cost = Row("w", "time", "s", 1, ours, other, at_most(0.3))
    assert gain.figure() == 3.0 and gain.is_met
    assert cost.figure() == pytest.approx(1 / 3) and cost.is_met is False
    assert gain.figure(min) == 1.0
