"""The example package, installed and used from YAML."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "egs" / "custom_residual"

USE = """
import re, sys, yaml
from pathlib import Path
from espnet_residuals import S4Encoder
block = re.findall(r"```yaml\\n(.*?)```", Path(sys.argv[1]).read_text(), re.DOTALL)[0]
config = yaml.safe_load(block)
encoder = S4Encoder(80, **config["encoder_conf"])
print(*(sublayer.residual.beta for sublayer in encoder.stack.sublayers))
"""


@pytest.mark.long
def test_installed_package_is_used_from_the_yaml_of_its_readme(tmp_path: Path) -> None:
    source = shutil.copytree(EXAMPLE, tmp_path / "source")
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *alone, "--target", str(target), str(source)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", USE, EXAMPLE / "README.md"],
        env={**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list(map(float, done.stdout.split())) == [0.5**i for i in range(1, 7)]
