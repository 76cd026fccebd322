"""ESPnet2's own commands train, decode and pack a model with our encoder."""

import re
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from tests.routes.conftest import Routes, Training

pytestmark = pytest.mark.long


def texts(path: Path) -> dict[str, str]:
    """Read a Kaldi-style text file."""
    lines = [line.partition(" ") for line in path.read_text().splitlines()]
    return {utterance: text for utterance, _, text in lines}


def test_statistics_cover_every_utterance(routes: Routes, statistics: Path) -> None:
    for split in ("train", "valid"):
        shapes = texts(statistics / split / "speech_shape")
        assert set(shapes) == set(texts(routes.folder / "data" / split / "text"))
    assert (statistics / "train" / "feats_stats.npz").is_file()


def test_killed_training_goes_on_where_it_was(training: Training) -> None:
    started = re.compile(r" (\d+)/15epoch started")
    first = [int(epoch) for epoch in started.findall(training.stopped)]
    then = [int(epoch) for epoch in started.findall(training.resumed)]
    assert first[0] == 1 and first[-1] < 15, "it was to be killed in training"
    assert then == list(range(then[0], 16)) and then[0] in (first[-1], first[-1] + 1)
    assert "S4Encoder" in training.resumed and "DecayResidual(" in training.resumed


@pytest.mark.parametrize(
    "heading, folder",
    [
        ("Decoding with CTC, in batches", "ctc"),
        ("Decoding with attention", "attention"),
        ("Decoding, quantised", "quantised"),
    ],
)
def test_training_utterances_come_out_right(
    routes: Routes, training: Training, heading: str, folder: str
) -> None:
    routes.run(heading)
    decoded = texts(routes.folder / "exp" / "asr" / folder / "1best_recog" / "text")
    assert decoded == texts(routes.folder / "data" / "train" / "text")


def test_alignment_covers_the_words_in_the_recording(
    routes: Routes, training: Training
) -> None:
    routes.run("Alignment")
    line = (routes.folder / "exp" / "segments").read_text().split(maxsplit=5)
    start, end = float(line[2]), float(line[3])
    assert line[5].strip() == "ELEVEN SEVENTEEN FIFTY ONE"
    assert 0 <= start < end - 0.5 < 5


def test_pack_holds_the_model(routes: Routes, packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        meta = yaml.safe_load(archive.read("meta.yaml"))
    assert meta["files"]["asr_model_file"] == "exp/asr/15epoch.pth"
    assert {"exp/asr/config.yaml", "exp/stats/train/feats_stats.npz"} <= set(names)


def test_espnets_decoder_gets_a_residual_that_espnet_lacks(
    routes: Routes, statistics: Path
) -> None:
    routes.run("By Kaldi's scripts")
    log = (routes.folder / "exp" / "s4" / "train.log").read_text()
    assert "(decoder): S4Decoder(" in log and "(residual): ReZero(" in log
    assert "1epoch results" in log


def test_asr_sh_reaches_everything_through_launch(routes: Routes) -> None:
    routes.run("By asr.sh", ESPNET_RESIDUALS_AUTOLOAD="0")
    log = (routes.folder / "exp" / "asr_sh" / "train.log").read_text()
    _, decoder = log.split("(decoder): S4Decoder(")
    assert "(residual): DecayResidual(i_layer=1" in decoder, "ESPnet's shows no i_layer"
    assert "1epoch results" in log
    reference = (routes.folder / "exp" / "asr_sh" / "ref.trn").read_text()
    assert "OCTOBER TWENTY FOUR NINETEEN SEVENTY" in reference


def test_one_command_trains_without_a_decoder_through_launch(
    routes: Routes, statistics: Path
) -> None:
    log = routes.run("One command", ESPNET_RESIDUALS_AUTOLOAD="0")
    assert "S4Encoder(" in log and "Decoder(" not in log
    assert "1epoch results" in log


def test_two_processes_end_with_the_parameters_of_one(
    routes: Routes, statistics: Path
) -> None:
    routes.run("Two processes of ESPnet2")
    routes.environment.run(
        "python -m espnet2.bin.asr_train --config conf/train_ranks.yaml "
        "--train_shape_file exp/stats/train/speech_shape "
        "--valid_shape_file exp/stats/train/speech_shape --output_dir exp/one_rank",
        routes.folder,
    )
    one, two = (
        torch.load(routes.folder / "exp" / folder / "2epoch.pth")
        for folder in ("one_rank", "ranks")
    )
    torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-9)
