"""Who builds the layer with the wrong kernel is told so, once."""

import subprocess
import sys
import warnings

import pytest
import torch
from espnet2.asr.state_spaces import s4

from espnet_residuals import fix_state_spaces
from espnet_residuals.espnet_fixes import nplr_kernel
from espnet_residuals.layers import build_layer
from tests.espnet_fixes.recurrence import parameters_of, response

MESSAGE = r"wrong kernel.*98 to 101 % of its norm.*'s4d'.*fix_state_spaces\(\)"


@pytest.fixture(autouse=True)
def _not_yet_warned() -> None:
    nplr_kernel._warn.cache_clear()


def test_warning_comes_once_for_all_layers_of_a_process() -> None:
    code = (
        "import warnings; warnings.simplefilter('always')\n"
        "from espnet_residuals import S4Encoder\n"
        "S4Encoder(8, output_size=8, num_blocks=3, layer=['espnet_s4', 'ff'])\n"
        "S4Encoder(8, output_size=8, num_blocks=1, layer=['espnet_s4'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("computes a wrong kernel") == 1


def test_warning_names_the_error_and_what_to_use() -> None:
    with pytest.warns(RuntimeWarning, match=MESSAGE):
        build_layer("espnet_s4", 8)


@pytest.mark.parametrize("length", [64, 500])
def test_error_in_the_warning_is_the_measured_one(length: int) -> None:
    kernel = s4.SSKernel(64, N=64)
    with torch.no_grad():
        exact = response(parameters_of(kernel.kernel), length)
        got = kernel(L=length, rate=1.0)[0]
    assert 0.98 <= round(((got - exact).norm() / exact.norm()).item(), 2) <= 1.01


@pytest.mark.parametrize("config", ["s4d", {"_name_": "espnet_s4", "mode": "diag"}])
def test_layers_with_a_right_kernel_say_nothing(config: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_layer(config, 8)


def test_corrected_or_accelerated_espnet_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fix_state_spaces():
            build_layer("espnet_s4", 8)
        monkeypatch.setattr(s4, "has_cauchy_extension", True)
        build_layer("espnet_s4", 8)


def test_check_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    assert nplr_kernel.kernel_error() > 0.3
    assert torch.equal(torch.get_rng_state(), before)
