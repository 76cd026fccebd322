"""Make ``packed_model.zip`` and ``expected.json``.

From the top folder: ``python -m tests.compatibility.make_packed_model``.

Run it only to add a model. The stored one must load, unchanged, in every later
release: whoever trained with this release keeps the model.
"""

import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from espnet2.main_funcs.pack_funcs import pack
from espnet3.utils.task_utils import save_espnet_config

from espnet_residuals.tasks import ASRTask
from tests.compatibility.stored_model import FOLDER, log_probabilities

MODEL = {
    "token_list": ["<blank>", "<unk>", "A", "B", "<sos/eos>"],
    "token_type": "char",
    "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000},
    "normalize": "utterance_mvn",
    "encoder": "s4",
    "encoder_conf": {
        "output_size": 8,
        "num_blocks": 2,
        "layer": [
            {"_name_": "s4d", "d_state": 8, "bidirectional": True, "init": "inv"},
            {"_name_": "ff", "expand": 2},
        ],
        "residual": {"_name_": "decay", "power": 0.5, "l2": True, "offset": 1},
        "interctc_layer_idx": [1],
        "interctc_use_conditioning": True,
    },
    "model_conf": {"ctc_weight": 1.0, "interctc_weight": 0.3},
}


def main() -> None:
    """Build the model from a fixed seed, pack it, and note what it computes."""
    # The pack holds paths as they are given, so they are relative.
    with TemporaryDirectory() as folder, chdir(folder):
        config, weights = Path("config.yaml"), Path("model.pth")
        save_espnet_config(
            "espnet_residuals.tasks.ASRTask", {"model": MODEL}, str(config)
        )
        torch.manual_seed(0)
        model, _ = ASRTask.build_model_from_file(config)
        torch.save(model.state_dict(), weights)
        pack(
            files={"asr_model_file": weights},
            yaml_files={"asr_train_config": config},
            outpath=FOLDER / "packed_model.zip",
        )
        expected = log_probabilities(config, weights).tolist()
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
