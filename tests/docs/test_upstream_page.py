"""docs/upstream.md: every example prints what stands there, in ESPnet as it is."""

import doctest
import functools
import re
import runpy
from pathlib import Path

import pytest
from espnet2.asr.state_spaces import s4
from espnet2.bin import asr_train

from benchmarks.clock import Clock
from docs import measure_corrections
from espnet_residuals.espnet_fixes import fix
from espnet_residuals.espnet_fixes.cauchy import cauchy

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs", "upstream.md").read_text(encoding="utf-8")

_parts = re.split(r"^##+ (.*)\n", PAGE, flags=re.MULTILINE)
SECTIONS = dict(zip(_parts[1::2], _parts[2::2]))
PREAMBLE = SECTIONS["The examples"]
FAULTS = [name for name, text in SECTIONS.items() if ">>> " in text]
FAULTS.remove("The examples")


@pytest.mark.parametrize("name", FAULTS)
def test_example_prints_what_the_page_says(name: str) -> None:
    examples = doctest.DocTestParser().get_doctest(
        PREAMBLE + SECTIONS[name], {}, name, "docs/upstream.md", 0
    )
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    failed, attempted = runner.run(examples, out=said.append)
    assert attempted > 0 and failed == 0, "".join(said)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_has_a_place_a_status_and_a_correction(name: str) -> None:
    text = SECTIONS[name]
    assert re.match(r"\n`\w+\.py`", text)
    assert re.search(r"^- \*\*(Avoided|Fixed|Reported)\*\*", text, flags=re.MULTILINE)
    assert re.search(r"^- Correction: .+\.$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "process, calls", [("__main__", [True]), ("__mp_main__", [])], ids=["main", "child"]
)
def test_training_script_corrects_espnet_in_every_process(
    process: str, calls: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, name, _ in fix._replacements():
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back afterwards
    called: list[bool] = []
    monkeypatch.setattr(asr_train, "main", lambda: called.append(is_corrected()))
    found = re.search(r"```python\n(.*?)```", SECTIONS["The corrections"], re.DOTALL)
    assert found is not None
    script = tmp_path / "train.py"
    script.write_text(found[1], encoding="utf-8")
    runpy.run_path(str(script), run_name=process)
    assert called == calls and is_corrected()


def is_corrected() -> bool:
    return s4.cauchy_naive is cauchy


def test_table_has_the_lines_that_the_script_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_numbers(lines: list[str]) -> list[str]:
        return [re.sub(r"\d[\d.e+-]*", "0", line) for line in lines]

    # Each measurement of memory starts a process; the next test makes one.
    monkeypatch.setattr(measure_corrections, "peak_memory", lambda *arguments: 1.0)
    section = SECTIONS["The corrections"].splitlines()
    on_page = [line for line in section if line.startswith("| ")]
    clock = Clock(seconds=0.0, fewest=1)
    measured = measure_corrections.table((16, 32), d_model=16, clock=clock)
    assert without_numbers(on_page) == without_numbers(measured)


@pytest.mark.long
def test_memory_of_a_corrected_kernel_is_measured() -> None:
    step = functools.partial(measure_corrections.training_step, "nplr", 16, True)
    assert measure_corrections.peak_memory(step, 500) > 0
    assert not is_corrected()
