"""A layer's own rate keeps its ratio to the model's, whatever a scheduler does."""

import copy
from functools import partial
from typing import Any, Callable, Optional

import pytest
import torch
from espnet2.schedulers.cosine_anneal_warmup_restart import (
    CosineAnnealingWarmupRestarts,
)
from espnet2.schedulers.exponential_decay_warmup import ExponentialDecayWarmup
from espnet2.schedulers.noam_lr import NoamLR
from espnet2.schedulers.piecewise_linear_warmup_lr import PiecewiseLinearWarmupLR
from espnet2.schedulers.tristage_lr import TristageLR
from espnet2.schedulers.warmup_lr import WarmupLR
from espnet2.schedulers.warmup_reducelronplateau import WarmupReduceLROnPlateau
from espnet2.schedulers.warmup_step_lr import WarmupStepLR
from espnet3.components.schedulers.linear_warmup_decay import LinearWarmupDecayLR
from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer, lr_scheduler, swa_utils

from espnet_residuals import S4D
from espnet_residuals.optimizer import grouped
from espnet_residuals.tasks import ASRTask
from tests.test_optimizer import OWN_RATE, RATE, espnet2_args

STEPS = 20
Make = Callable[[Optimizer], Any]

# They give every group one rate.
ERASING: dict[str, Make] = {
    "CosineAnnealingWarmupRestarts": partial(
        CosineAnnealingWarmupRestarts, first_cycle_steps=30, max_lr=RATE, warmup_steps=9
    ),
    "CyclicLR": partial(
        lr_scheduler.CyclicLR, base_lr=1e-3, max_lr=RATE, cycle_momentum=False
    ),
    "ExponentialDecayWarmup": partial(
        ExponentialDecayWarmup,
        max_lr=RATE,
        min_lr=1e-5,
        total_steps=30,
        warmup_steps=5,
        warm_from_zero=True,
    ),
    "OneCycleLR": partial(
        lr_scheduler.OneCycleLR, max_lr=RATE, total_steps=50, cycle_momentum=False
    ),
    "PiecewiseLinearWarmupLR": partial(
        PiecewiseLinearWarmupLR, warmup_steps_list=[0, 9, 15], warmup_lr_list=[0, 1, 2]
    ),
    "ReduceLROnPlateau": partial(
        lr_scheduler.ReduceLROnPlateau, patience=1, min_lr=1e-3
    ),
    "SWALR": partial(swa_utils.SWALR, swa_lr=1e-3, anneal_epochs=15),
}
# They scale the rate of every group.
SCALING: dict[str, Make] = {
    "ConstantLR": lr_scheduler.ConstantLR,
    "CosineAnnealingLR": partial(lr_scheduler.CosineAnnealingLR, T_max=15),
    "CosineAnnealingWarmRestarts": partial(
        lr_scheduler.CosineAnnealingWarmRestarts, T_0=7
    ),
    "ExponentialLR": partial(lr_scheduler.ExponentialLR, gamma=0.9),
    "LambdaLR": partial(lr_scheduler.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    "LinearLR": lr_scheduler.LinearLR,
    "LinearWarmupDecayLR": partial(LinearWarmupDecayLR, warmup_steps=5, total_steps=15),
    "MultiplicativeLR": partial(
        lr_scheduler.MultiplicativeLR, lr_lambda=lambda step: 0.9
    ),
    "MultiStepLR": partial(lr_scheduler.MultiStepLR, milestones=[3, 9]),
    "NoamLR": partial(NoamLR, warmup_steps=5),
    "PolynomialLR": partial(lr_scheduler.PolynomialLR, total_iters=15),
    "StepLR": partial(lr_scheduler.StepLR, step_size=5),
    "TristageLR": partial(TristageLR, max_steps=15),
    "WarmupLR": partial(WarmupLR, warmup_steps=5),
    "WarmupReduceLROnPlateau": partial(
        WarmupReduceLROnPlateau, warmup_steps=5, patience=1
    ),
    "WarmupStepLR": partial(
        WarmupStepLR, warmup_steps=5, steps_per_epoch=5, step_size=2
    ),
}
every_scheduler = pytest.mark.parametrize("name", [*ERASING, *SCALING])
pytestmark = [
    pytest.mark.filterwarnings("error:the option lr"),
    pytest.mark.filterwarnings("ignore:NoamLR is deprecated"),
    pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step"),
    pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step"),
]


def layer_with_own_rate(lr: Optional[float] = OWN_RATE) -> S4D:
    torch.manual_seed(0)
    return S4D(8, d_state=4, lr=lr).double()


def train(optimizer: Optimizer, scheduler: Any, watched: list[Tensor]) -> Tensor:
    """Return what each step takes off one value of each watched parameter.

    Under plain SGD with a gradient of 1 that is the learning rate.
    """
    updates = []
    for _ in range(STEPS):
        before = torch.stack([p.detach().flatten()[0] for p in watched])
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        after = torch.stack([p.detach().flatten()[0] for p in watched])
        updates.append(before - after)
        waits_for_loss = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
        scheduler.step(*[1.0] * waits_for_loss)
    return torch.stack(updates)


def rates_of_a_plain_model(make: Make) -> Tensor:
    layer = layer_with_own_rate(None)
    optimizer = SGD(layer.parameters(), lr=RATE)
    return train(optimizer, make(optimizer), [layer.D])


def build_grouped(layer: S4D) -> Optimizer:
    return grouped(layer.parameters(), SGD, lr=RATE)


def build_as_espnet2(layer: S4D) -> Optimizer:
    args = espnet2_args(exclude_weight_decay=True, optim_conf={"lr": RATE})
    (optimizer,) = ASRTask.build_optimizers(args, layer)
    assert isinstance(optimizer, Optimizer)
    return optimizer


@every_scheduler
@pytest.mark.parametrize("build", [build_grouped, build_as_espnet2])
def test_ratio_holds_and_the_models_rate_is_the_schedulers(
    build: Callable[[S4D], Optimizer], name: str
) -> None:
    make = {**ERASING, **SCALING}[name]
    layer = layer_with_own_rate()
    optimizer = build(layer)
    rates = train(optimizer, make(optimizer), [layer.D, layer.kernel.B])
    expected = rates_of_a_plain_model(make)
    assert len(expected.unique()) > 1
    tolerance = {"rtol": 1e-6, "atol": 1e-12}
    torch.testing.assert_close(rates[:, :1], expected, **tolerance)
    torch.testing.assert_close(rates[:, 1:], expected * OWN_RATE / RATE, **tolerance)


@every_scheduler
def test_resumed_training_is_the_whole_one(name: str) -> None:
    """State dicts of optimizer and scheduler are all that a checkpoint has."""
    make = {**ERASING, **SCALING}[name]
    layer = layer_with_own_rate()
    optimizer = build_grouped(layer)
    scheduler = make(optimizer)
    train(optimizer, scheduler, [layer.D])
    states = copy.deepcopy([o.state_dict() for o in (layer, optimizer, scheduler)])
    whole = train(optimizer, scheduler, [layer.D, layer.kernel.B])

    layer = layer_with_own_rate()
    optimizer = build_grouped(layer)
    scheduler = make(optimizer)
    for resumed, state in zip((layer, optimizer, scheduler), states):
        resumed.load_state_dict(state)
    assert torch.equal(train(optimizer, scheduler, [layer.D, layer.kernel.B]), whole)


def test_state_dict_is_that_of_an_earlier_release() -> None:
    """Nothing is added to the groups, so that old checkpoints resume."""
    layer = layer_with_own_rate()
    plain = AdamW(layer.parameters()).state_dict()["param_groups"][0]
    for group in grouped(layer.parameters(), lr=RATE).state_dict()["param_groups"]:
        assert group.keys() == plain.keys()


def test_rates_given_to_groups_one_by_one_are_left_alone() -> None:
    """Somebody who builds the groups by hand knows what they want."""
    layer = layer_with_own_rate()
    own = [p for p in layer.parameters() if hasattr(p, "_optim")]
    optimizer = SGD([{"params": [layer.D]}, {"params": own, "lr": 5e-4}], lr=RATE)
    rates = train(
        optimizer, SCALING["ExponentialLR"](optimizer), [layer.D, layer.kernel.B]
    )
    torch.testing.assert_close(rates[:, 1], rates[:, 0] * 0.05)


def test_rate_that_is_a_tensor_stays_one() -> None:
    """As optimizers that are captured in a CUDA graph need it."""
    layer = layer_with_own_rate()
    optimizer = grouped(layer.parameters(), SGD, lr=torch.tensor(RATE))
    rates = train(
        optimizer, ERASING["OneCycleLR"](optimizer), [layer.D, layer.kernel.B]
    )
    torch.testing.assert_close(rates[:, 1], rates[:, 0] * OWN_RATE / RATE)
    assert all(isinstance(group["lr"], Tensor) for group in optimizer.param_groups)


def test_model_that_stands_still_does_not_stop_the_layers() -> None:
    layer = layer_with_own_rate()
    optimizer = grouped(layer.parameters(), SGD, lr=0.0)
    rates = train(
        optimizer, SCALING["ExponentialLR"](optimizer), [layer.D, layer.kernel.B]
    )
    assert (rates[:, 0] == 0).all() and (rates[:, 1] > 0).all()


def test_without_other_parameters_the_first_rate_is_what_the_others_follow() -> None:
    layers = [S4D(8, d_state=4, lr=lr).double() for lr in (4e-3, 1e-3)]
    asking = [p for layer in layers for p in layer.kernel.parameters()]
    asking = [p for p in asking if hasattr(p, "_optim")]
    optimizer = grouped(asking, SGD, lr=RATE)
    scheduler = ERASING["OneCycleLR"](optimizer)
    rates = train(optimizer, scheduler, [layer.kernel.B for layer in layers])
    torch.testing.assert_close(rates[:, 1], rates[:, 0] / 4)
