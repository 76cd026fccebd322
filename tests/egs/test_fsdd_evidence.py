"""The small trainings of the digits recipe: their plan, one of them, the tables."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from types import ModuleType
from typing import Any

import pytest
import torch

from tests.egs.fsdd import RECIPE
from tests.environment import ROOT

OWN = ("dataset", "evidence", "src")


@pytest.fixture()
def evidence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import modules of the recipe's folder evidence as its command does."""
    monkeypatch.syspath_prepend(RECIPE)

    def load(name: str) -> ModuleType:
        return import_module(f"evidence.{name}")

    yield load
    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]


def noise(split: str, held_out: str | None) -> list[tuple[torch.Tensor, str]]:
    """Stand for the data set."""
    return [(torch.randn(16_000) / 10, "ONE TWO"), (torch.randn(20_000) / 10, "SIX")]


@pytest.fixture()
def small(evidence: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let cells train for some steps on noise, and write into a new folder."""
    for module in ("data", "cell", "timing"):
        monkeypatch.setattr(evidence(module), "load", noise)
    config = evidence("model").load_config()
    config.scheduler.total_steps, config.scheduler.warmup_steps = 50, 5
    monkeypatch.setattr(evidence("model"), "load_config", lambda: config)
    monkeypatch.setattr(evidence("cell"), "CELLS", tmp_path)
    return evidence


def test_every_cell_has_a_file_of_its_own(evidence: Any) -> None:
    names = [cell.file_name for cell in evidence("plan").all_cells()]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set(" /,") for name in names)


def test_encoders_have_equally_many_parameters(evidence: Any) -> None:
    plan, model = evidence("plan"), evidence("model")
    cells = {
        cell.encoder + cell.name: cell
        for cell in plan.all_cells()
        if cell.study == "encoder" or cell.name == "residual 24"
    }
    sizes = [
        sum(p.numel() for p in model.build_model(cell).parameters())
        for cell in cells.values()
    ]
    assert max(sizes) / min(sizes) < 1.03


@pytest.mark.long
def test_every_configuration_builds_and_gets_a_gradient(evidence: Any) -> None:
    plan, model, data = evidence("plan"), evidence("model"), evidence("data")
    batch = data.make_batch(noise("train", None))
    for cell in plan.all_cells():
        if cell.seed == plan.SEEDS[0]:
            loss, _, _ = model.build_model(cell)(**batch)
            loss.backward()
            assert loss.isfinite(), cell.name


def test_every_batch_comes_once_before_any_comes_twice(evidence: Any) -> None:
    order = evidence("data").order(n_batches=7, steps=20, seed=1)
    assert len(order) == 20
    assert sorted(order[:7]) == sorted(order[7:14]) == list(range(7))
    assert order == evidence("data").order(7, 20, seed=1)
    assert order != evidence("data").order(7, 20, seed=2)


def test_cell_gives_the_same_numbers_again_and_its_line_in_the_table(
    small: Any, tmp_path: Path
) -> None:
    cell = small("plan").Cell("depth", "decay 8", 1, encoder_conf={"num_blocks": 4})
    results = []
    for _ in range(2):
        small("cell").run_cell(cell)
        results.append(json.loads((tmp_path / cell.file_name).read_text()))
    one, other = results
    assert one["losses"] == other["losses"] and len(one["losses"]) == 2
    assert one["start"] == other["start"]
    assert one["losses"][1] < one["losses"][0], "it learns two strings by heart"
    (row,) = small("results").read_rows("depth", tmp_path)
    assert row.name == "decay 8"
    assert row.diverged(50) == 0 and row.diverged(51) == 1


def test_strings_that_were_not_made_are_asked_for(
    evidence: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = evidence("__main__")
    dataset = sys.modules["dataset.dataset"]
    monkeypatch.setattr(dataset, "data_folder", lambda *args: tmp_path)
    monkeypatch.setattr(sys, "argv", ["evidence", "costs"])
    with pytest.raises(SystemExit, match="1"):
        command.main()
    assert "run the stage create_dataset" in capsys.readouterr().err


def test_every_encoder_is_timed(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timing = small("timing")
    monkeypatch.setattr(timing, "STEPS", 2)
    monkeypatch.setattr(timing, "STRINGS", 2)
    times = timing.measure()
    assert times.keys() == small("plan").ENCODERS.keys()
    assert all(0 < t["real_time_factor"] < t["step_ms"] for t in times.values())


def test_memory_of_training_is_counted_without_what_was_held_before(small: Any) -> None:
    held = torch.ones(2**28)  # 1 GiB
    # A child process, whose peak is not that of earlier tests.
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        peak = pool.submit(small("memory")._peak_mib, "s4").result(timeout=100)
    assert 0 < peak < 1024 and held.sum() > 0


def test_outcomes_that_lie_apart_are_all_shown(evidence: Any) -> None:
    spread = evidence("results").spread
    assert spread([1.0, 3.0]) == "2.00 ± 1.41"
    assert spread([13.0, 102.0, 20.0]) == "45.00 ± 49.49 (13.00 / 20.00 / 102.00)"


def test_trained_cells_are_those_of_the_plan(evidence: Any) -> None:
    """A file's name does not tell its rate, which may have changed since."""
    steps = evidence("model").load_config().scheduler.total_steps
    for cell in evidence("plan").all_cells():
        path = evidence("cell").CELLS / cell.file_name
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            expected = (cell.study, cell.name, cell.seed, cell.lr, cell.times * steps)
            got = [kept[key] for key in ("study", "name", "seed", "lr", "steps")]
            assert got == list(expected), path.name


def test_steps_are_counted_to_the_window_that_falls_below(evidence: Any) -> None:
    cell = {"losses": [9.0, 6.0, 4.9, 5.2], "steps": 100}
    row = evidence("results").Row("name", [cell])
    assert row.steps_to(5.0) == [75]
    assert row.steps_to(1.0) == [None]
    assert row.final_losses() == [5.2]


def cell_with(gradients: list[float], loss: float) -> dict[str, Any]:
    """Return what a cell of S4D and feedforward sublayers by turns leaves."""
    norms = [norm for gradient in gradients for norm in (gradient, 100.0)]
    start = {f"layer_gradient/{i:02}": norm for i, norm in enumerate(norms, start=1)}
    return {"start": start, "losses": [loss]}


def test_gradients_are_compared_among_sublayers_of_one_kind(evidence: Any) -> None:
    start = evidence("start")
    cell = cell_with([3.0, 1.0, 6.0], loss=1.0)
    assert start.gradient_ratio(cell) == 6.0
    assert start.gradient_slope(cell) == 0.5
    assert start.gradient_ratio(cell_with([1.0, 0.0], loss=1.0)) == float("inf")


def test_rank_correlation_sees_the_order_alone(evidence: Any) -> None:
    start, row = evidence("start"), evidence("results").Row
    rows = [
        row("name", [cell_with([1.0, ratio], loss), cell_with([1.0, ratio], loss)])
        for ratio, loss in ((2.0, 0.1), (100.0, 40.0), (3.0, 0.2))
    ]
    assert start.rank_correlation(rows, start.gradient_ratio) == pytest.approx(1)
    assert start.rank_correlation(rows, start.gradient_slope) == pytest.approx(-1)


def test_chosen_rates_have_the_lowest_loss_of_the_first_seed(evidence: Any) -> None:
    plan = evidence("plan")
    losses = {
        row.name: row.final_losses()[0]
        for row in evidence("results").read_rows("encoder")
    }
    for name, chosen in plan.CHOSEN_RATE.items():
        found = {lr: losses[f"{name} {lr}"] for lr in plan.ENCODER_RATES}
        assert min(found, key=found.__getitem__) == chosen, name


def test_readme_quotes_the_cells(evidence: Any) -> None:
    """Mean and spread of the residual functions that are named there."""
    rows = {
        row.name: row.wers("test")
        for study in ("depth", "variant", "low_rate")  # the last of a name counts
        for row in evidence("results").read_rows(study)
    }
    table = {
        "`residual` |": "residual 24",
        "`affine` |": "affine 24",
        "`laurel_rw` |": "laurel_rw",
        "`decay`, `offset: 1` |": "decay, offset 1",
        "`decay`, `offset: 1`, `power: 1` |": "decay, power 1, offset 1",
        "`layerscale` |": "layerscale",
        "`rezero` |": "rezero",
        "at a quarter of the rate": "laurel_lr",
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for label, name in table.items():
        quoted = f"{label} {mean(rows[name]):.1f} ± {stdev(rows[name]):.1f}"
        assert quoted in readme, quoted


def test_tables_are_what_the_cells_say(
    evidence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["evidence", "report", "--check"])
    assert evidence("__main__").main() == 0
