"""The encoder's weights in checkpoints as ESPnet2 and ESPnet3 write them."""

from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from torch import nn

from espnet_residuals import S4Encoder
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.checkpoint import load_checkpoint
from tests.instruments.recipe import MODEL


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


WRAPPED = {
    "compiled model": "_orig_mod.encoder.",
    "compiled model of ESPnet3": "model._orig_mod.encoder.",
    "DistributedDataParallel": "module.encoder.",
    "both": "module._orig_mod.encoder.",
    "both, the other way round": "_orig_mod.module.encoder.",
    "compiled encoder in a model": "encoder._orig_mod.",
    "compiled encoder": "_orig_mod.",
    "encoder under DistributedDataParallel": "module.",
    "FSDP": "_fsdp_wrapped_module.encoder._fsdp_wrapped_module.",
}


@pytest.mark.parametrize("prefix", WRAPPED.values(), ids=WRAPPED.keys())
def test_weights_of_a_wrapped_model_are_found(prefix: str, tmp_path: Path) -> None:
    stored, fresh, path = small_encoder(1), small_encoder(2), tmp_path / "weights.pth"
    torch.save({prefix + k: v for k, v in stored.state_dict().items()}, path)
    load_checkpoint(fresh, path)
    loaded = fresh.state_dict()
    assert all(torch.equal(loaded[k], w) for k, w in stored.state_dict().items())


def test_weights_are_found_under_compiled_sublayers(tmp_path: Path) -> None:
    stored, fresh, path = small_encoder(1), small_encoder(2), tmp_path / "weights.pth"
    expected = stored.state_dict()
    for i, sublayer in enumerate(stored.stack.sublayers):
        stored.stack.sublayers[i] = torch.compile(sublayer)
    assert any("_orig_mod" in name for name in stored.state_dict())
    torch.save(stored.state_dict(), path)
    load_checkpoint(fresh, path)
    assert all(torch.equal(fresh.state_dict()[k], w) for k, w in expected.items())


def test_weights_are_found_in_a_file_of_deepspeed(tmp_path: Path) -> None:
    stored, fresh, path = small_encoder(1), small_encoder(2), tmp_path / "states.pt"
    weights = {f"encoder.{name}": w for name, w in stored.state_dict().items()}
    torch.save(
        {
            "module": weights,
            "buffer_names": ["encoder.embed.embed.out.1.factor"],
            "param_shapes": [{name: w.shape for name, w in weights.items()}],
            "sparse_tensor_module_names": set(),
            "ds_config": {"train_batch_size": 1},
            "dp_world_size": 1,
        },
        path,
    )
    load_checkpoint(fresh, path)
    loaded = fresh.state_dict()
    assert all(torch.equal(loaded[k], w) for k, w in stored.state_dict().items())


ODD = {
    "without values": lambda w: w.to("meta"),
    "sparse": lambda w: w.to_sparse(),
    "quantised": lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8),
    "complex": lambda w: w + 0j,
}


@pytest.mark.parametrize("kind", ODD)
def test_tensors_that_are_no_plain_numbers_are_told(kind: str, tmp_path: Path) -> None:
    encoder, path = small_encoder(1), tmp_path / "weights.pth"
    weights = {name: w.clone() for name, w in encoder.state_dict().items()}
    name = next(name for name in weights if name.endswith("weight"))
    weights[name] = ODD[kind](weights[name])
    torch.save(weights, path)
    with pytest.raises(
        Failure, match=rf"1 that are no plain numbers.*{kind}"
    ) as caught:
        load_checkpoint(encoder, path)
    assert caught.value.code is Exit.CHECKPOINT


@pytest.mark.parametrize("key", [1, None, ("a", 1), b"encoder"])
def test_names_that_are_no_text_are_told(key: Any, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({key: torch.zeros(1), "epoch": 1}, path)
    with pytest.raises(Failure, match="1 that the encoder does not have") as caught:
        load_checkpoint(small_encoder(1), path)
    assert caught.value.code is Exit.CHECKPOINT


@pytest.mark.parametrize("prefix", ["encoder.", ""])
def test_file_from_before_the_factor_of_the_input_goes_on_without_it(
    prefix: str, tmp_path: Path
) -> None:
    encoder, path = small_encoder(1), tmp_path / "weights.pth"
    model = nn.ModuleDict({"encoder": encoder})
    weights: Any = (model if prefix else encoder).state_dict()
    (factor,) = [name for name in weights if name.endswith(".factor")]
    del weights[factor]
    weights._metadata[f"{prefix}embed"]["version"] = 1
    torch.save(weights, path)
    load_checkpoint(encoder, path)
    assert encoder.state_dict()[factor.removeprefix(prefix)] == 1.0


def test_file_of_parameters_alone_is_refused_with_what_is_missing(
    tmp_path: Path,
) -> None:
    """Measured with another factor than it was trained with, it would mislead."""
    encoder, path = small_encoder(1), tmp_path / "weights.pth"
    torch.save(dict(encoder.named_parameters()), path)
    with pytest.raises(Failure, match=r"1 missing, such as embed\..*factor") as caught:
        load_checkpoint(encoder, path)
    assert caught.value.code is Exit.CHECKPOINT


@pytest.mark.parametrize("content", [b"encoder: s4\n", b"q\x00.", b"", b"PK\x03\x04"])
def test_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_bytes(content)
    with pytest.raises(Failure, match="is no checkpoint of tensors alone") as caught:
        load_checkpoint(small_encoder(1), path)
    assert caught.value.code is Exit.CHECKPOINT
