"""A model packed with an earlier release computes what it computed then."""

import json
from pathlib import Path

import torch
from espnet2.main_funcs.pack_funcs import unpack

from tests.compatibility.stored_model import FOLDER, log_probabilities


def test_packed_model_loads_and_gives_the_same_numbers(tmp_path: Path) -> None:
    paths = unpack(FOLDER / "packed_model.zip", tmp_path)
    got = log_probabilities(paths["asr_train_config"], paths["asr_model_file"])
    expected = torch.tensor(json.loads((FOLDER / "expected.json").read_text()))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
