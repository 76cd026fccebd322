"""A model stored when ``encoder: s4`` had no convolution by default still loads."""

import pytest
import torch

from espnet_residuals.encoder import S4Encoder
from espnet_residuals.encoder.former_default import FORMER_BLOCK

SIZE = {"input_size": 20, "output_size": 8, "num_blocks": 3}


def encode(encoder: S4Encoder) -> torch.Tensor:
    features = torch.randn(2, 60, 20, generator=torch.Generator().manual_seed(0))
    return encoder.eval()(features, torch.tensor([60, 40]))[0]


def test_model_stored_without_layer_gives_the_numbers_of_its_release() -> None:
    former = S4Encoder(**SIZE, layer=FORMER_BLOCK, residual="decay", block_norm=True)
    loading = S4Encoder(**SIZE, residual="decay", block_norm=True)
    loading.load_state_dict(former.state_dict())
    assert torch.equal(encode(loading), encode(former))


def test_former_model_inside_another_module_loads_in_its_dtype_and_mode() -> None:
    former = torch.nn.ModuleDict({"encoder": S4Encoder(**SIZE, layer=FORMER_BLOCK)})
    loading = torch.nn.ModuleDict({"encoder": S4Encoder(**SIZE)}).double().eval()
    loading.load_state_dict(former.state_dict())
    assert {p.dtype for p in loading.parameters()} == {torch.float64}
    assert not any(module.training for module in loading.modules())


def test_model_of_the_default_loads_as_it_is() -> None:
    stored, loading = S4Encoder(**SIZE), S4Encoder(**SIZE)
    parameters = list(loading.parameters())
    loading.load_state_dict(stored.state_dict())
    assert all(a is b for a, b in zip(parameters, loading.parameters(), strict=True))
    assert torch.equal(encode(loading), encode(stored))


def test_another_block_is_not_taken_for_the_former_default() -> None:
    former = S4Encoder(**SIZE, layer=FORMER_BLOCK)
    for layer in (["s4d", "ff", "ff"], ["s4d"], ["ff", "s4d"]):
        with pytest.raises(RuntimeError, match="stack.sublayers"):
            S4Encoder(**SIZE, layer=layer).load_state_dict(former.state_dict())
    with pytest.raises(RuntimeError, match="stack.sublayers"):
        S4Encoder(20, 8, num_blocks=2).load_state_dict(former.state_dict())
