"""The hooks of pre-commit run the linters of `make lint`."""

import re
from typing import Any

import yaml

from tests.environment import ROOT

MAKEFILE = ROOT.joinpath("Makefile").read_text(encoding="utf-8")


def hooks() -> dict[str, dict[str, Any]]:
    text = ROOT.joinpath(".pre-commit-config.yaml").read_text(encoding="utf-8")
    (local,) = yaml.safe_load(text)["repos"]
    assert local["repo"] == "local"
    return {hook["id"]: hook for hook in local["hooks"]}


def test_every_linter_has_a_hook() -> None:
    linters = set(re.findall(r"\$\(RUN\) (black|isort|flake8|mypy|\w+lint)", MAKEFILE))
    assert linters == set(hooks())


def test_hooks_run_what_make_venv_has_installed() -> None:
    for name, hook in hooks().items():
        assert hook["language"] == "system"
        assert hook["entry"] in (f".venv/bin/python -m {name}", "make types")
    assert re.search(r"^types: venv", MAKEFILE, flags=re.MULTILINE)
