"""The small trainings of the digits recipe: their plan, one of them, the tables."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
import torch

from espnet_residuals.instruments.measuring.profile import Reading
from tests.egs.fsdd import RECIPE
from tests.egs.recipe import loaded_evidence
from tests.environment import ROOT


@pytest.fixture()
def evidence() -> Iterator[Any]:
    """Import modules of the recipe's folder evidence."""
    with loaded_evidence(RECIPE) as load:
        yield load


def noise(split: str, held_out: str | None) -> list[tuple[torch.Tensor, str]]:
    """Stand for the data set."""
    return [(torch.randn(16_000) / 10, "ONE TWO"), (torch.randn(20_000) / 10, "SIX")]


@pytest.fixture()
def small(evidence: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let cells train for some steps on noise, and write into a new folder."""
    for module in ("batches", "scoring", "timing"):
        monkeypatch.setattr(evidence(module), "load", noise)
    config = evidence("model").load_config()
    config.scheduler.total_steps, config.scheduler.warmup_steps = 50, 5
    monkeypatch.setattr(evidence("model"), "load_config", lambda: config)
    monkeypatch.setattr(evidence("lines"), "FOLDER", tmp_path)
    return evidence


def test_every_cell_has_a_line_of_its_own(evidence: Any) -> None:
    cells = evidence("plan").all_cells()
    assert len({(cell.study, cell.name, cell.seed) for cell in cells}) == len(cells)
    assert len({cell.title for cell in cells}) == len(cells)


def test_encoders_have_equally_many_parameters(evidence: Any) -> None:
    plan, model = evidence("plan"), evidence("model")
    cells = {
        (cell.name.split()[0], cell.study): cell
        for cell in plan.all_cells()
        if cell.study == "encoder" or cell.name == "residual 0.012"
    }
    sizes = [
        sum(p.numel() for p in model.build_model(cell).parameters())
        for cell in cells.values()
    ]
    assert max(sizes) / min(sizes) < 1.03


@pytest.mark.long
def test_every_configuration_builds_and_gets_a_gradient(evidence: Any) -> None:
    plan, model = evidence("plan"), evidence("model")
    batch = evidence("batches").make_batch(noise("train", None))
    for cell in plan.all_cells():
        if cell.seed == plan.SEEDS[0]:
            loss, _, _ = model.build_model(cell)(**batch)
            loss.backward()
            assert loss.isfinite(), cell.name


def test_every_batch_comes_once_before_any_comes_twice(evidence: Any) -> None:
    order = evidence("batches").order(n_batches=7, steps=20, seed=1)
    assert len(order) == 20
    assert sorted(order[:7]) == sorted(order[7:14]) == list(range(7))
    assert order == evidence("batches").order(7, 20, seed=1)
    assert order != evidence("batches").order(7, 20, seed=2)


@pytest.mark.long
def test_cell_gives_the_same_numbers_again(small: Any) -> None:
    conf = {"num_blocks": 4, "residual": "decay"}
    cell = small("plan").Cell("depth", "decay 48", 1, encoder_conf=conf)
    one, other = (small("run_cell").run_cell(cell) for _ in range(2))
    del one["minutes"], other["minutes"]
    assert one == other
    assert len(one["losses"]) == 2
    assert one["losses"][1] < one["losses"][0], "it learns two strings by heart"
    assert 0.5 < one["start"][small("start").FRAMES] < 1


def test_cells_stand_in_the_file_of_their_study_in_the_order_of_the_plan(
    small: Any,
) -> None:
    store = small("store")
    cells = [cell for cell in small("plan").all_cells() if cell.study == "depth"]
    for cell in reversed(cells):
        assert not store.is_trained(cell)
        line = {"name": cell.name, "seed": cell.seed, "losses": [1.0], "steps": 50}
        store.add(cell.study, line)
        assert store.is_trained(cell)
    kept = [(line["name"], line["seed"]) for line in small("lines").read("depth")]
    assert kept == [(cell.name, cell.seed) for cell in cells]
    row = small("results").read_rows("depth")[0]
    assert (row.name, len(row.cells)) == (cells[0].name, len(small("plan").SEEDS))
    assert row.diverged(50) == 0 and row.diverged(51) == len(row.cells)


def test_other_numbers_in_the_start_are_in_the_model(evidence: Any) -> None:
    plan, start, model = evidence("plan"), evidence("start"), evidence("model")
    conf = {"residual": "decay", "num_blocks": 2}

    def layers(**changes: float) -> Any:
        cell = plan.Cell("start", "decay", 1, encoder_conf=conf, start=changes)
        with start.changed_start(cell.start):
            encoder = model.build_model(cell).encoder
        return [sublayer.layer for sublayer in encoder.stack.sublayers]

    assert [layer.start_gain for layer in layers()] == [1.0, 0.5, 0.5, 0.5]
    changed = layers(branch_gain=0.3, kernel_gain=2.0)
    assert [layer.start_gain for layer in changed] == [1.0, 0.3, 0.3, 0.3]
    assert changed[0].kernel.gain == 2.0
    start.change_direct_path(changed[0], 1.0)
    assert changed[0].D.std() > 0.5


def test_input_as_torch_draws_it_has_smaller_weights(evidence: Any) -> None:
    plan, start, model = evidence("plan"), evidence("start"), evidence("model")
    deviations = []
    cases: list[dict[str, float]] = [{}, plan.STARTS[plan.TORCHS_INPUT]]
    for changes in cases:
        cell = plan.Cell("start", "decay", 1, start=changes)
        with start.changed_start(cell.start):
            encoder = model.build_model(cell).encoder
        deviations.append(max(p.std().item() for p in encoder.embed.parameters()))
    assert deviations[1] < 0.5 * deviations[0]


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


def test_title_that_no_cell_has_is_named_with_the_nearest(
    evidence: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = evidence("__main__")
    arguments = ["run", "--minutes", "1", "--match", "depth: residul 48, seed 1"]
    monkeypatch.setattr(sys, "argv", ["evidence", *arguments])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    message = capsys.readouterr().err
    assert "--match: no cell has 'depth: residul 48, seed 1' in its title" in message
    assert "the nearest is 'depth: residual 48, seed 1'" in message


def test_too_few_minutes_for_a_cell_are_said(
    small: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    small("schedule").run_missing(1, "longer: residual, seed 1")
    assert "1 are left; the next may take 18 minutes" in capsys.readouterr().out


@pytest.mark.long
def test_every_encoder_is_timed(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timing = small("timing")
    monkeypatch.setattr(timing, "STEPS", 2)
    monkeypatch.setattr(timing, "UTTERANCES", 2)
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
    """A name does not tell rate and steps, which may have changed since."""
    steps = evidence("model").load_config().scheduler.total_steps
    cells = evidence("plan").all_cells()
    planned = {
        (cell.study, cell.name, cell.seed): (cell.lr, cell.times * steps)
        for cell in cells
    }
    for study in {cell.study for cell in cells}:
        for line in evidence("lines").read(study):
            expected = planned[study, line["name"], line["seed"]]
            assert (line["lr"], line["steps"]) == expected, (study, line["name"])


def test_steps_are_counted_to_the_window_that_falls_below(evidence: Any) -> None:
    cell = {"losses": [9.0, 6.0, 4.9, 5.2], "steps": 100}
    row = evidence("results").Row("name", [cell])
    assert row.steps_to(5.0) == [75]
    assert row.steps_to(1.0) == [None]
    assert row.final_losses() == [5.2]


def reading(gradient: float, layer: str = "S4D") -> Any:
    return Reading(1, layer, 1.0, 0.5, 0.9, 1.0, 0.7, 1.0, gradient)


def test_gradients_are_compared_among_sublayers_of_one_kind(evidence: Any) -> None:
    start = evidence("start")
    other = reading(100.0, "FeedForward")
    readings = [other, reading(3.0), other, reading(1.0), other, other, reading(6.0)]
    assert start.gradient_ratio(readings) == 6.0
    assert start.gradient_slope(readings) == 0.5
    readings[3] = reading(0.0)
    assert start.gradient_ratio(readings) == float("inf")


def test_rank_correlation_sees_the_order_alone(evidence: Any) -> None:
    start, row = evidence("start"), evidence("results").Row
    rows = [
        row("name", [{"start": {"frames": kept}, "losses": [loss]}])
        for kept, loss in ((0.9, 0.1), (0.01, 40.0), (0.8, 0.2))
    ]
    assert start.rank_correlation(rows, "frames") == pytest.approx(-1)


def test_chosen_rates_have_the_lowest_loss_of_the_first_seed(evidence: Any) -> None:
    plan = evidence("plan")
    losses = {
        row.name: row.final_losses()[0]
        for row in evidence("results").read_rows("encoder")
    }
    for name, chosen in plan.CHOSEN_RATE.items():
        rows = {lr: f"{name} {lr}" for lr in plan.rates(name)}
        if rows[chosen] not in losses:
            continue  # not trained yet
        found = {lr: losses[row] for lr, row in rows.items() if row in losses}
        assert min(found, key=found.__getitem__) == chosen, name


def test_page_on_residuals_quotes_the_cells(evidence: Any) -> None:
    """Every residual function that was trained, with its mean, spread and count."""
    page = (ROOT / "docs" / "residuals.md").read_text(encoding="utf-8")
    rows = {row.name: row for row in evidence("results").read_rows("function")}
    for name, lr in evidence("plan").FUNCTIONS.items():
        if f"{name} {lr}" not in rows:
            continue
        wers = rows[f"{name} {lr}"].wers("test")
        quoted = f"{mean(wers):.1f}"
        if len(wers) > 1:
            quoted += f" ± {stdev(wers):.1f}"
        line = rf"\| `{name}` \| {lr} \| [^|]* \| {quoted} \| {len(wers)} \|"
        assert re.search(line, page), line


def test_tables_are_what_the_cells_say(
    evidence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["evidence", "report", "--check"])
    assert evidence("__main__").main() == 0
