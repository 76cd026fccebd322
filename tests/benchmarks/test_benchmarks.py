"""The benchmarks run, and their table can be made anew from what they keep."""

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measurements import FULL
from benchmarks.report import END, START, markdown
from benchmarks.result import Row, Sample, at_least, at_most, load_results

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.long
def test_every_measurement_runs_and_the_report_is_made_anew_from_json(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    readme, figure = tmp_path / "README.md", tmp_path / "figure.png"
    readme.write_text(f"above\n{START}{END}below\n")
    out = ["--out", str(tmp_path), "--readme", str(readme)]
    main(["--quick", "--threads", "1", *out])
    text = readme.read_text()
    assert "| S4D kernel" in text
    readme.write_text(f"above\n{START}an older table\n{END}below\n")
    figure.unlink()
    main(["--report", *out])
    assert readme.read_text() == text
    assert figure.stat().st_size > 10_000


def test_table_of_the_readme_is_what_the_json_files_say() -> None:
    results = load_results(BENCHMARKS / "results", list(FULL))
    readme = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    assert f"{START}\n{markdown(results)}\n{END}" in readme


def test_figure_is_a_ratio_of_medians_and_is_held_against_the_target() -> None:
    ours, other = Sample("ours", [1.0, 2.0, 9.0]), Sample("other", [8.0, 6.0, 1.0])
    gain = Row("w", "time", "s", 1, ours, other, at_least(3))
    cost = Row("w", "time", "s", 1, ours, other, at_most(0.3))
    assert gain.figure() == 3.0 and gain.is_met
    assert cost.figure() == pytest.approx(1 / 3) and cost.is_met is False
    assert gain.figure(min) == 1.0
