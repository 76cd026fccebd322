"""The encoder's weights in checkpoints as ESPnet2 and ESPnet3 write them."""

from pathlib import Path
from typing import Optional

import pytest
import torch

from espnet_residuals import S4Encoder
from espnet_residuals.probe.checkpoint import load_checkpoint
from espnet_residuals.probe.failure import Exit, Failure
from tests.probe.recipe import MODEL


def small_encoder(seed: int) -> S4Encoder:
    torch.manual_seed(seed)
    return S4Encoder(20, **MODEL["encoder_conf"])


@pytest.mark.parametrize("wrapper", ["state_dict", "model", None])
@pytest.mark.parametrize("prefix", ["model.encoder.", "encoder.", ""])
def test_weights_of_the_encoder_are_found(
    wrapper: Optional[str], prefix: str, tmp_path: Path
) -> None:
    stored, fresh, path = small_encoder(1), small_encoder(2), tmp_path / "weights.pth"
    weights = {f"{prefix}{name}": w for name, w in stored.state_dict().items()}
    if prefix:
        weights["decoder.weight"] = torch.zeros(1)
    torch.save({wrapper: weights, "epoch": 1} if wrapper else weights, path)
    load_checkpoint(fresh, path)
    loaded = fresh.state_dict()
    assert all(torch.equal(loaded[k], w) for k, w in stored.state_dict().items())


def test_file_without_the_factor_of_the_input_goes_on_without_it(
    tmp_path: Path,
) -> None:
    encoder, path = small_encoder(1), tmp_path / "weights.pth"
    weights = encoder.state_dict()
    (factor,) = [name for name in weights if name.endswith(".factor")]
    del weights[factor]
    torch.save(weights, path)
    load_checkpoint(encoder, path)
    assert encoder.state_dict()[factor] == 1.0


@pytest.mark.parametrize("content", [b"encoder: s4\n", b"q\x00.", b"", b"PK\x03\x04"])
def test_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_bytes(content)
    with pytest.raises(Failure, match="is no checkpoint of tensors alone") as caught:
        load_checkpoint(small_encoder(1), path)
    assert caught.value.code is Exit.CHECKPOINT
