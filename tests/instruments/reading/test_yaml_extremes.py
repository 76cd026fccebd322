"""A YAML that cannot be read is refused at once, with the line and the key."""

import time
from pathlib import Path

import pytest

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.yaml_file import read_yaml

BOMB = "a0: &a0 [1, 2]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 31)
)
EXTREME = {
    "a date": (
        "model:\n  x: {y: [1, 2026-02-30]}",
        r"line 2: model.x.y\[1\]: day is out",
    ),
    "a key": ("a: 1\n2026-02-30: 1", "line 2: day is out"),
    "digits": (f"a: 1\nb: {'1' * 5000}", "line 2: b: Exceeds the limit"),
    "nesting": (f"a: {'[' * 5000}{']' * 5000}", r"line 1: a\[0\].*nested more than 50"),
    "block nesting": ("a: " + "- " * 5000, "not YAML|nested more than 50"),
    "itself": ("a:\n  b: &x [1, *x]", r"line 2: a.b\[1\]: \*x holds itself"),
    "its mapping": ("a: &x\n  b: {c: *x}", r"line 2: a.b.c: \*x holds itself"),
    "aliases of aliases": (BOMB, r"line 6: a5.*more than 100000 values"),
}


@pytest.mark.parametrize("kind", EXTREME)
def test_extremes_are_refused_with_line_and_key(kind: str, tmp_path: Path) -> None:
    text, message = EXTREME[kind]
    path, begin = tmp_path / "training.yaml", time.process_time()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Failure, match=message) as caught:
        read_yaml(path)
    assert time.process_time() - begin < 5
    assert caught.value.code is Exit.YAML and len(str(caught.value)) < 500


def test_what_people_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text(
        "default: &d {a: 1, b: 2026-02-28}\nx: *d\ny: {<<: *d, c: [*d, *d]}\n"
        "z: !!str 2026-02-30\nw: '2026-02-30'\nn: ~\n",
        encoding="utf-8",
    )
    assert read_yaml(path).document["z"] == "2026-02-30"
