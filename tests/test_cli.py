"""The command ``espnet-residuals``: what it prints, writes and refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from espnet_residuals import S4Encoder, registry
from espnet_residuals.cli import main
from espnet_residuals.instruments.failure import MEANINGS
from tests.instruments.recipe import MODEL, write_recipe

PNG = b"\x89PNG\r\n"


def small_encoder() -> S4Encoder:
    torch.manual_seed(5)
    return S4Encoder(20, **MODEL["encoder_conf"])


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    """Run a command that must fail with one line, and return the line."""
    assert main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("espnet-residuals: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_help_is_quick_and_lists_every_exit_code() -> None:
    code = (
        "import sys\nfrom espnet_residuals.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    for code_, meaning in MEANINGS.items():
        assert f"  {code_.value}  {meaning}" in done.stdout


def test_module_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "espnet_residuals", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("usage: espnet-residuals")


def test_list_shows_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = {word.strip(",") for line in lines for word in line.split()}
    assert set(registry) <= words
    decay = next(line for line in lines if line.startswith("decay "))
    assert decay.split("  ")[-1].strip() == "power=0.5, l2=true, offset=0"
    assert "αx + βy" in decay


def test_reader_that_stops_early_sees_no_traceback() -> None:
    code = "from espnet_residuals.cli import main; raise SystemExit(main(['list']))"
    run = [sys.executable, "-c", code]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        assert done.stdout is not None and done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 0


def test_show_prints_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "decay.png"
    options = ["--layers", "4", "--l2", "false", "--power=1", "--plot", str(plot)]
    assert main(["show", "decay", *options]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["4", "0.75", "0.25", "0.25", "0.25"]
    assert plot.read_bytes().startswith(PNG)


def test_probe_prints_draws_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_recipe(tmp_path)
    plot, written = tmp_path / "depth.png", tmp_path / "depth.json"
    arguments = ["--compare", "residual", "--compare", "decay", "--layers", "5"]
    arguments += ["--frames", "30"]
    outputs = ["--plot", str(plot), "--json", str(written)]
    assert main(["probe", str(config), *arguments, *outputs]) == 0
    printed = capsys.readouterr().out
    assert "--layers 5: num_blocks: 3" in printed
    assert "decay: nothing stands out" in printed
    assert plot.read_bytes().startswith(PNG)
    content = json.loads(written.read_text(encoding="utf-8"))
    assert content["encoder"] == "s4" and content["sublayers"] == 6
    assert [profile["name"] for profile in content["profiles"]] == ["residual", "decay"]
    rows = content["profiles"][1]["sublayers"]
    assert [row["i_layer"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert f"{rows[5]['mean_square']:.4g}" in printed


def test_probe_takes_recordings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_recipe(tmp_path)
    rng = np.random.default_rng(0)
    for name, samples in (("a.wav", 16000), ("b.wav", 12000)):
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, samples), 16000)
    recordings = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    assert main(["probe", str(config), *recordings]) == 0
    assert "2 recordings, 177 frames" in capsys.readouterr().out
    assert main(["probe", str(config), "--seed", "1", *recordings]) == 0
    assert "2 recordings, 177 frames" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residual": "decays"}, "unknown residual 'decays'"),
        (
            {"residual": {"_name_": "decay", "pwer": 1}},
            "encoder_conf.residual.pwer: DecayResidual has no option 'pwer' (got 1); "
            "it accepts power, l2, offset; did you mean 'power'?",
        ),
        ({"num_blcks": 2}, "did you mean 'num_blocks'?"),
        ({"output_size": "many"}, "must be an integer >= 1, got 'many'"),
    ],
)
def test_wrong_options_are_told_with_their_line(
    options: dict[str, object],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = write_recipe(tmp_path, **options)
    said = refused(capsys, 7, "probe", config)
    assert message in said
    line = int(said.split(", line ")[1].split(":")[0])
    key = said.split(": ")[2].split(".")[-1]
    stands = config.read_text(encoding="utf-8").splitlines()[line - 1]
    assert stands.strip().startswith(f"{key}:")


def test_option_of_another_type_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_recipe(tmp_path, num_blocks="six")
    said = refused(capsys, 7, "probe", config)
    line = int(said.split(", line ")[1].split(":")[0])
    stands = config.read_text(encoding="utf-8").splitlines()[line - 1]
    assert stands == "    num_blocks: six"
    assert ": encoder_conf.num_blocks: " in said


@pytest.mark.parametrize(
    ("name", "message"),
    [("dekay", "did you mean 'decay'?"), ("deepnorm", "needs prenorm: false")],
)
def test_wrong_names_to_compare_are_told_as_such(
    name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The YAML is right, and its line alone would lead astray."""
    config = write_recipe(tmp_path)
    run = ("probe", config, "--frames", 30, "--compare", f"residual,{name}")
    said = refused(capsys, 7, *run)
    assert said.startswith(f"espnet-residuals: --compare {name}: ") and message in said


def test_wrong_files_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "training.yaml"
    assert "No such file" in refused(capsys, 3, "probe", path)
    path.write_text("a: [", encoding="utf-8")
    assert f"{path} is not YAML" in refused(capsys, 4, "probe", path)
    path.write_text("just words", encoding="utf-8")
    assert "holds str where" in refused(capsys, 4, "probe", path)
    path.write_text("", encoding="utf-8")
    assert "holds nothing where" in refused(capsys, 4, "probe", path)
    path.write_text("model: {decoder: transformer}", encoding="utf-8")
    assert "has no key 'encoder'" in refused(capsys, 5, "probe", path)
    path.write_text("encoder: {_target_: os.abort}", encoding="utf-8")
    assert "line 1: encoder must be a name" in refused(capsys, 6, "probe", path)
    path.write_text("encoder: whisper", encoding="utf-8")
    assert "downloads none" in refused(capsys, 6, "probe", path)


def test_wrong_checkpoints_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, path = write_recipe(tmp_path), tmp_path / "weights.pth"
    run = ("probe", config, "--frames", 30, "--checkpoint", path)
    assert "No such file" in refused(capsys, 3, *run)
    path.write_bytes(b"no checkpoint")
    assert "is no checkpoint of tensors alone" in refused(capsys, 8, *run)
    torch.save({"encoder.embed": Path("a")}, path)
    assert "is no checkpoint of tensors alone" in refused(capsys, 8, *run)
    torch.save({}, path)
    assert "holds no weights" in refused(capsys, 8, *run)
    torch.save(small_encoder().state_dict(), path)
    write_recipe(tmp_path, output_size=16)
    assert "of another shape, such as" in refused(capsys, 8, *run)
    write_recipe(tmp_path, num_blocks=3)
    assert "missing, such as" in refused(capsys, 8, *run)


def test_interpolations_count_only_in_the_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_recipe(tmp_path, output_size="${width}")
    assert "width" in refused(capsys, 7, "probe", config)
    text = config.read_text(encoding="utf-8")
    config.write_text(f"{text}\nwidth: 16\nother: ${{nowhere}}\n", encoding="utf-8")
    assert main(["probe", str(config), "--frames", "30"]) == 0


def test_unwritable_outputs_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, odd = tmp_path / "no" / "x.png", tmp_path / "x.txt"
    assert "cannot write" in refused(capsys, 3, "show", "decay", "--plot", nowhere)
    assert "not supported" in refused(capsys, 2, "show", "decay", "--plot", odd)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["probe"],
        ["probe", "a.yaml", "--layer", "2"],
        ["show", "D", "--layers", "0"],
    ],
)
def test_wrong_command_lines_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_unknown_name_to_show_is_told_as_it_was_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refused(capsys, 7, "show", "dekay")
    assert said.startswith("espnet-residuals: dekay: unknown residual 'dekay'")
    assert "did you mean 'decay'?" in said


def test_options_of_show_come_in_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--NAME VALUE" in refused(capsys, 2, "show", "decay", "--power")
    assert "'[' is no YAML value" in refused(capsys, 2, "show", "decay", "--power", "[")


def test_batches_that_the_encoder_cannot_process_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, click = write_recipe(tmp_path, input_layer="embed"), tmp_path / "click.wav"
    assert "the encoder fails on features" in refused(capsys, 6, "probe", config)
    soundfile.write(click, np.zeros(100), 16000)
    config = write_recipe(tmp_path)
    said = refused(capsys, 2, "probe", config, click)
    assert "the frontend fails on recordings of at most 100 samples" in said


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "one"])
def test_seed_that_torch_does_not_take_is_refused(
    seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["probe", str(write_recipe(tmp_path)), f"--seed={seed}"])
    assert f"got {seed!r}" in capsys.readouterr().err
