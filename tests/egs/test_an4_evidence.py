"""The small trainings of AN4's recipe: plan, rates, one of them, what tables say."""

import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_residuals.residual.registration import registry
from tests.egs.an4 import RECIPE
from tests.egs.recipe import loaded_evidence

SPEAKERS = 12  # of each fold here


@pytest.fixture()
def evidence() -> Iterator[Any]:
    """Import modules of the recipe's folder evidence."""
    with loaded_evidence(RECIPE) as load:
        yield load


@pytest.fixture()
def fresh(evidence: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let no cell be trained yet."""
    monkeypatch.setattr(evidence("lines"), "FOLDER", tmp_path)
    return evidence


def line(name: str, lr: float, fold: int = 1, seed: int = 1, **found: Any) -> Any:
    """Return what a cell leaves, with as many errors for each speaker, of 10 words."""
    counts = {f"m{index}": [found.get("errors", 3), 10] for index in range(SPEAKERS)}
    return {
        "name": f"{name} {lr}",
        "fold": fold,
        "seed": seed,
        "lr": lr,
        "parameters": 800_000,
        "minutes": 4.0,
        "losses": [2.0],
        "start": {},
        "wer": {"valid": found.get("valid", 30.0), "test": 30.0},
        "errors": dict.fromkeys(("test", "ten_seconds", "speaker"), counts),
    }


def trials(evidence: Any, best: float, name: str, errors: int = 3) -> list[Any]:
    """Return the lines of all rates of a configuration."""
    return [
        line(name, lr, errors=errors, valid=20.0 if lr == best else 40.0)
        for lr in evidence("rates").RATES
    ]


def all_folds(evidence: Any, best: float, name: str, errors: int) -> list[Any]:
    """Return trials, and the best rate on the other folds."""
    others = [line(name, best, fold, errors=errors) for fold in range(2, 8)]
    return [*trials(evidence, best, name, errors), *others]


def test_first_come_all_encoders_with_the_same_rates(fresh: Any) -> None:
    plan, rates = fresh("plan"), fresh("rates").RATES
    cells = plan.all_cells()
    assert {cell.fold for cell in cells} == {1} and {cell.seed for cell in cells} == {1}
    first = cells[: len(rates) * len(plan.COMPARED)]
    tried = {(cell.study, cell.name) for cell in first}
    assert tried == {
        ("encoder", f"{name} {lr}") for name in plan.COMPARED for lr in rates
    }


def test_every_cell_has_a_line_of_its_own(
    evidence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = evidence("plan")
    monkeypatch.setattr(plan, "chosen_rate", lambda study, name: 0.005)
    cells = plan.all_cells()
    assert len({cell.title for cell in cells}) == len(cells)
    assert len({(cell.study, *cell.key) for cell in cells}) == len(cells)
    assert {cell.fold for cell in cells if cell.study == "encoder"} == set(range(1, 8))


def test_rate_with_fewest_errors_on_valid_goes_on_to_the_other_folds(
    fresh: Any,
) -> None:
    fresh("lines").write("encoder", trials(fresh, 0.002, "macaron")[:-1])
    assert fresh("rates").chosen_rate("encoder", "macaron") is None
    fresh("lines").write("encoder", trials(fresh, 0.002, "macaron"))
    assert fresh("rates").chosen_rate("encoder", "macaron") == 0.002
    others = [cell for cell in fresh("plan").all_cells() if cell.fold != 1]
    assert {cell.name for cell in others} == {"macaron 0.002"}
    assert {(cell.fold, cell.seed) for cell in others if cell.study == "encoder"} == {
        (fold, seed) for fold in range(2, 8) for seed in (1, 2, 3)
    }


def test_encoders_have_equally_many_parameters(evidence: Any) -> None:
    plan, model = evidence("plan"), evidence("model")
    for name in plan.ENCODERS:
        study = "encoder" if name in plan.COMPARED else "state_space"
        built = model.build_model(plan.encoder_cell(study, name, 1, 0.001))
        size = sum(p.numel() for p in built.parameters() if p.requires_grad)
        assert abs(size / 800_000 - 1) < 0.03, name


def test_functions_stand_in_24_sublayers_of_our_block(evidence: Any) -> None:
    plan, model = evidence("plan"), evidence("model")
    for name in plan.FUNCTIONS:
        built = model.build_model(plan.encoder_cell("function", name, 1, 0.001))
        kinds = {type(s.residual) for s in built.encoder.stack.sublayers}
        assert len(built.encoder.stack.sublayers) == 24
        assert kinds == {registry[name]}


def noise(evidence: Any, split: str, fold: int | None) -> list[Any]:
    """Stand for the data set."""
    utterance = evidence("data").Utterance
    return [
        utterance("fann", torch.randn(24_000) / 10, "YES"),
        utterance("fann", torch.randn(32_000) / 10, "GO ON"),
        utterance("mbob", torch.randn(28_000) / 10, "NO"),
    ]


@pytest.fixture()
def small(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let cells train for some steps on noise."""

    def load(split: str, fold: int | None) -> list[Any]:
        return noise(fresh, split, fold)

    monkeypatch.setattr(fresh("data"), "load_utterances", load)
    monkeypatch.setattr(fresh("scoring"), "load_utterances", load)
    config = fresh("model").load_config()
    config.scheduler.total_steps, config.scheduler.warmup_steps = 25, 5
    monkeypatch.setattr(fresh("model"), "load_config", lambda: config)
    return fresh


@pytest.mark.long
def test_cell_gives_the_same_numbers_again(small: Any) -> None:
    plan = small("plan")
    cell = plan.encoder_cell("encoder", plan.OURS, 1, 0.005)
    cell = cell._replace(encoder_conf={**cell.encoder_conf, "num_blocks": 2})
    one, other = (small("run_cell").run_cell(cell) for _ in range(2))
    del one["minutes"], other["minutes"]
    assert one == other
    assert (one["fold"], one["steps"], len(one["losses"])) == (1, 25, 1)
    for counts in one["errors"].values():
        assert {speaker: words for speaker, (_, words) in counts.items()} == {
            "fann": 3,
            "mbob": 1,
        }
    small("store").add("encoder", one)
    assert small("store").is_trained(cell)
    assert not small("store").is_trained(cell._replace(held_out=4))


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=1, max_size=12
    ),
    seconds=st.integers(0, 20),
)
def test_joined_recordings_have_all_that_each_speaker_says(
    lengths: list[tuple[str, int]], seconds: int
) -> None:
    with loaded_evidence(RECIPE) as load:
        data, join = load("data"), load("joined").join
        utterances = [
            data.Utterance(speaker, torch.ones(length * data.SAMPLE_RATE), str(index))
            for index, (speaker, length) in enumerate(sorted(lengths))
        ]
        joined = join(utterances, seconds)
    for speaker in {speaker for speaker, _ in lengths}:
        own = [recording for recording in joined if recording.speaker == speaker]
        spoken = [said for said in utterances if said.speaker == speaker]
        assert " ".join(r.text for r in own) == " ".join(u.text for u in spoken)
        assert sum(len(r.speech) for r in own) == sum(len(u.speech) for u in spoken)
        if len(own) > 1:
            assert min(len(r.speech) for r in own) >= seconds * data.SAMPLE_RATE


def test_utterances_stay_as_they_are_and_a_speaker_becomes_one(evidence: Any) -> None:
    utterances = noise(evidence, "test", 1)
    join = evidence("joined").join
    assert [r.text for r in join(utterances, 0)] == ["YES", "GO ON", "NO"]
    assert [r.text for r in join(utterances, math.inf)] == ["YES GO ON", "NO"]


def test_difference_pairs_cells_of_one_fold_and_seed(evidence: Any) -> None:
    difference = evidence("pairs").difference
    ours = [line("a", 0.1, 1, errors=3), line("a", 0.1, 2, errors=9)]
    other = [line("b", 0.1, 1, errors=4), line("b", 0.1, 3, errors=0)]
    assert difference(other, ours, "test") == (10, 10, 10)
    assert difference(other[1:], ours, "test") is None


def test_errors_are_the_mean_over_seeds(evidence: Any) -> None:
    lines = [line("a", 0.1, 1, seed, errors=seed) for seed in (1, 2, 3)]
    assert evidence("pairs").wer_of(lines, "test") == (20, 20, 20)


def test_nothing_is_said_of_cells_that_are_not_there(fresh: Any) -> None:
    tables = fresh("tables")
    for name in ("encoder", "state_space", "function", "trials", "told", "figure"):
        assert tables.make_table(name) == tables.NOTHING
    fresh("lines").write("encoder", trials(fresh, 0.002, "macaron"))
    assert "not decided" not in tables.make_table("encoder")
    assert "better" not in tables.make_table("encoder")


@pytest.mark.parametrize(("errors", "word"), [(2, "better"), (4, "worse")])
def test_better_needs_all_folds(fresh: Any, errors: int, word: str) -> None:
    ours = fresh("plan").OURS
    lines = [
        *all_folds(fresh, 0.005, ours, errors=3),
        *all_folds(fresh, 0.002, "macaron", errors=errors),
    ]
    fresh("lines").write("encoder", lines[:-1])
    assert word not in fresh("tables").make_table("encoder")
    fresh("lines").write("encoder", lines)
    (row,) = (
        row
        for row in fresh("tables").make_table("encoder").splitlines()
        if row.startswith("| macaron")
    )
    assert f"| {10 * errors:.1f} (" in row and f"| {word} |" in row
    assert fresh("tables").make_table("figure") == fresh("tables").FIGURE


def test_interval_that_has_zero_in_it_decides_nothing(evidence: Any) -> None:
    verdict, rate = evidence("tables").verdict, evidence("pairs").Rate
    assert verdict(rate(-1.0, -3.0, 0.5)) == "not decided"
    assert verdict(rate(-1.0, -3.0, -0.5)) == "better"
    assert verdict(rate(1.0, 0.5, 3.0)) == "worse"


def test_figure_is_drawn_of_encoders_with_all_folds(fresh: Any, tmp_path: Path) -> None:
    fresh("figures").draw_all(tmp_path / "images")
    assert not list((tmp_path / "images").iterdir())
    fresh("lines").write("encoder", all_folds(fresh, 0.002, "macaron", errors=2))
    fresh("figures").draw_all(tmp_path / "images")
    assert (tmp_path / "images" / "encoders.png").stat().st_size > 1000


def test_recording_that_takes_too_much_memory_has_no_cost(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = small("long_recordings")
    # Child processes: the limit cannot be lifted again.
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        cost = pool.submit(module.measure_length, "conv-ff", 2).result(timeout=100)
    assert cost["seconds"] > 0 and cost["peak_mib"] >= 0
    monkeypatch.setattr(module, "LIMIT_GIB", 0)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        future = pool.submit(module.measure_length, "conv-ff", 60)
        assert future.result(timeout=100) is None


def test_folds_have_every_speaker_once(evidence: Any) -> None:
    if not (RECIPE / "data" / "an4").is_dir():
        pytest.skip("the stage create_dataset has not made the recipe's data")
    load = evidence("data").load_utterances
    speakers = [
        {utterance.speaker for utterance in load("test", fold)} for fold in range(1, 8)
    ]
    assert [len(fold) for fold in speakers] == [SPEAKERS] * 7
    assert len(set.union(*speakers)) == 84


def test_trained_cells_are_those_of_the_plan(evidence: Any) -> None:
    """A name does not tell rate and steps, which may have changed since."""
    steps = evidence("model").load_config().scheduler.total_steps
    planned = {
        (cell.study, *cell.key): (cell.lr, cell.times * steps)
        for cell in evidence("plan").all_cells()
    }
    lines, plan = evidence("lines"), evidence("plan")
    for study in (*plan.STUDIES, "longer"):
        for found in lines.read(study):
            expected = planned[study, *lines.key_of(found)]
            assert found["lr"] == expected[0] and found["steps"] <= expected[1]


def test_tables_are_what_the_cells_say(
    evidence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["evidence", "report", "--check"])
    assert evidence("__main__").main() == 0
