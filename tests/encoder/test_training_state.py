"""What lies in a checkpoint, and what training does to it and nothing else does."""

import copy
import io
import pickle
from pathlib import Path
from typing import Any, Callable, Mapping

import pytest
import torch
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.train.reporter import Reporter
from torch import Tensor, nn

from espnet_residuals import S4Encoder
from tests.encoder.training import (
    TRAINED_RESIDUALS,
    mean_loss,
    optimizer_for,
    small_encoder,
    train,
    utterances,
)

every_residual = pytest.mark.parametrize("residual", TRAINED_RESIDUALS)


def trained_encoder(residual: str = "decay", seed: int = 0) -> S4Encoder:
    encoder = small_encoder(residual, seed)
    train(encoder, optimizer_for(encoder), utterances(seed))
    return encoder


def output(encoder: nn.Module) -> Tensor:
    """Return what the encoder makes of the batch when it is not in training."""
    was_training = encoder.training
    x = nn.utils.rnn.pad_sequence(utterances(), batch_first=True)
    with torch.no_grad():
        ys, _, _ = encoder.eval()(x, torch.tensor([len(u) for u in utterances()]))
    encoder.train(was_training)
    return ys


def average(states: list[Mapping[str, Tensor]], folder: Path) -> dict[str, Tensor]:
    """Average checkpoints as ESPnet2 does at the end of training."""
    reporter = Reporter()
    for epoch, state in enumerate(states, start=1):
        torch.save(state, folder / f"{epoch}epoch.pth")
        reporter.set_epoch(epoch)
        with reporter.observe("valid") as valid:
            valid.register({"loss": torch.tensor(1.0 / epoch)})
            valid.next()
    average_nbest_models(folder, reporter, [["valid", "loss", "min"]], len(states))
    return torch.load(folder / f"valid.loss.ave_{len(states)}best.pth")


def pickled(encoder: S4Encoder) -> Any:
    return pickle.loads(pickle.dumps(encoder))


def assert_equal_states(one: nn.Module, other: nn.Module) -> None:
    a, b = one.state_dict(), other.state_dict()
    assert list(a) == list(b)
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


@every_residual
def test_checkpoint_holds_no_integers(residual: str) -> None:
    """ESPnet adds integers up where it averages everything else."""
    state = trained_encoder(residual).state_dict()
    assert {tensor.dtype for tensor in state.values()} == {torch.float64}


@every_residual
def test_average_of_one_function_is_that_function(
    residual: str, tmp_path: Path
) -> None:
    """Parameters that depend on the longest input so far would differ here."""
    encoder = trained_encoder(residual)
    expected = output(encoder)
    before = copy.deepcopy(encoder.state_dict())
    longer = torch.randn(1, 1500, 20, dtype=torch.float64)
    encoder(longer, torch.tensor([1500]))
    encoder.eval()(longer, torch.tensor([1500]))
    averaged = small_encoder(residual, seed=1)
    assert not torch.equal(output(averaged), expected)
    averaged.load_state_dict(average([before, encoder.state_dict()], tmp_path))
    assert torch.equal(output(averaged), expected)


@every_residual
def test_average_of_two_checkpoints_of_a_training_is_of_use(
    residual: str, tmp_path: Path
) -> None:
    encoder = small_encoder(residual)
    optimizer = optimizer_for(encoder)
    states = []
    untrained = mean_loss(encoder, utterances())
    for _ in range(2):
        train(encoder, optimizer, utterances())
        states.append(copy.deepcopy(encoder.state_dict()))
    averaged = small_encoder(residual, seed=1)
    averaged.load_state_dict(average(states, tmp_path))
    for name, value in averaged.state_dict().items():
        torch.testing.assert_close(value, (states[0][name] + states[1][name]) / 2)
    assert mean_loss(averaged, utterances()) < untrained


@every_residual
def test_running_writes_into_no_parameter_and_no_buffer(residual: str) -> None:
    encoder = small_encoder(residual)
    tensors = dict([*encoder.named_parameters(), *encoder.named_buffers()])
    before = {name: (id(t), t._version, t.clone()) for name, t in tensors.items()}
    for training in (True, False):
        encoder.train(training)
        for length in (40, 400, 100):
            x = torch.randn(1, length, 20, dtype=torch.float64)
            encoder(x, torch.tensor([length]))
    after = dict([*encoder.named_parameters(), *encoder.named_buffers()])
    assert list(after) == list(before)
    for name, (identity, version, value) in before.items():
        tensor = after[name]
        assert (id(tensor), tensor._version) == (identity, version), name
        assert torch.equal(tensor, value), name


@every_residual
def test_gradients_of_two_halves_add_up_to_those_of_the_batch(residual: str) -> None:
    encoder = small_encoder(residual)
    batch = utterances()
    mean_loss(encoder, batch).backward()
    whole = {name: p.grad for name, p in encoder.named_parameters()}
    encoder.zero_grad()
    for half in (batch[:2], batch[2:]):
        (mean_loss(encoder, half) / 2).backward()
    for name, parameter in encoder.named_parameters():
        scale = float(whole[name].abs().max())
        torch.testing.assert_close(
            parameter.grad, whole[name], rtol=1e-12, atol=1e-12 * scale
        )


@every_residual
def test_training_resumes_from_a_checkpoint_as_if_nothing_had_happened(
    residual: str,
) -> None:
    encoder = small_encoder(residual)
    optimizer = optimizer_for(encoder)
    train(encoder, optimizer, utterances())
    file = io.BytesIO()
    torch.save([encoder.state_dict(), optimizer.state_dict()], file)
    losses = train(encoder, optimizer, utterances())

    resumed = small_encoder(residual, seed=1)
    resumed_optimizer = optimizer_for(resumed)
    output(resumed)
    file.seek(0)
    state, optimizer_state = torch.load(file)
    resumed.load_state_dict(state)
    resumed_optimizer.load_state_dict(optimizer_state)
    assert train(resumed, resumed_optimizer, utterances()) == losses
    assert_equal_states(resumed, encoder)


@every_residual
@pytest.mark.parametrize("copied", [copy.deepcopy, pickled], ids=["copy", "pickle"])
def test_copy_gives_the_same_output_and_trains_the_same(
    residual: str, copied: Callable[[Any], Any]
) -> None:
    encoder = trained_encoder(residual)
    twin = copied(encoder)
    assert torch.equal(output(twin), output(encoder))
    expected = train(encoder, optimizer_for(encoder), utterances())
    assert train(twin, optimizer_for(twin), utterances()) == expected
    assert_equal_states(twin, encoder)


def test_training_a_copy_leaves_the_original_alone() -> None:
    encoder = small_encoder()
    twin = copy.deepcopy(encoder)
    train(twin, optimizer_for(twin), utterances())
    assert_equal_states(encoder, small_encoder())
