"""A real training with Lightning, against the same done by hand."""

from pathlib import Path
from typing import Any, Optional

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn

from espnet_residuals.callbacks import LayerStats
from tests.encoder.training import small_encoder, utterances
from tests.instruments.following.training import (
    LR,
    Model,
    Statistics,
    batches,
    by_hand,
    count_hooks,
    fit,
)


def assert_close(
    got: dict[int, Statistics], expected: list[Statistics], every: int = 1
) -> None:
    """Compare the steps that must have been measured, and no others."""
    assert list(got) == list(range(0, len(expected), every))
    for step, statistics in got.items():
        assert statistics == pytest.approx(expected[step], rel=1e-9)


@pytest.mark.parametrize("every", [1, 3])
def test_statistics_are_those_of_the_step(every: int) -> None:
    got = fit(Model(), LayerStats(every), batches(size=2))
    pairs = [utterances()[:2], utterances()[2:]] * 4
    expected = list(by_hand(small_encoder(), [[pair] for pair in pairs]))
    assert_close(got, expected, every)


def test_accumulated_batches_count_together_and_clipping_comes_later() -> None:
    """The last step accumulates less; validation runs in the midst of a step."""
    model = Model()
    got = fit(
        model,
        LayerStats(every=2),
        batches(),
        accumulate_grad_batches=3,
        gradient_clip_val=1e6,
        val_check_interval=2,
    )
    alone = [[utterance] for utterance in utterances() * 4]
    steps = [alone[start : start + 3] for start in range(0, len(alone), 3)]
    expected = list(by_hand(small_encoder(), steps, accumulated=3))
    assert model.validations > 16
    assert_close(got, expected, every=2)


def test_clipped_gradients_are_not_what_is_reported() -> None:
    clipped, free = (
        fit(Model(), LayerStats(every=100), gradient_clip_val=value)[0]
        for value in (1e-6, None)
    )
    assert clipped == free


@pytest.mark.parametrize("fused", [False, True])
def test_mixed_precision_reports_unscaled_gradients(fused: bool) -> None:
    class Small(Model):
        """Its gradient fits into half precision. Fused optimizers unscale late."""

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            return super().training_step(batch, batch_idx) / 1000

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=LR, fused=fused)

    def statistics(**precision: Any) -> Statistics:
        model = Small()
        model.encoder.float()
        loader = batches(dtype=torch.float32)
        return fit(model, LayerStats(), loader, limit_val_batches=0, **precision)[0]

    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    expected = statistics(precision="32")
    assert statistics(precision=None, plugins=[plugin]) == pytest.approx(
        expected, rel=0.01
    )
    assert scaler.get_scale() == 64.0


def test_resumed_training_goes_on_counting(tmp_path: Path) -> None:
    loader = batches(rounds=2)
    whole = fit(Model(), LayerStats(every=3), loader, max_epochs=2)
    keeper = ModelCheckpoint(tmp_path, "first")
    fit(Model(), LayerStats(every=3), loader, callbacks=[keeper])
    resumed = fit(
        Model(seed=1),
        LayerStats(every=3),
        loader,
        max_epochs=2,
        ckpt_path=str(tmp_path / "first.ckpt"),
    )
    assert list(whole) == [0, 3, 6, 9, 12, 15]
    assert list(resumed) == [9, 12, 15]
    for step, statistics in resumed.items():
        assert statistics == pytest.approx(whole[step], rel=1e-9)


def test_training_is_the_same_with_and_without() -> None:
    """`bypass` counts its passes, and dropout draws numbers."""

    class Dropping(Model):
        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            torch.manual_seed(batch_idx)
            return super().training_step(batch, batch_idx)

    models = [Dropping("bypass"), Dropping("bypass")]
    for model, every in zip(models, (1, 100)):
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.2
        fit(model, LayerStats(every))
    one, other = (model.state_dict() for model in models)
    assert one["encoder.stack.sublayers.0.residual.passes"] == 16
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_no_hook_stays(error: Optional[type[BaseException]]) -> None:
    class Failing(Model):
        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            assert count_hooks(self) > 0
            if error is not None and batch_idx == 3:
                raise error
            return super().training_step(batch, batch_idx)

    model = Failing()
    if error is None:
        fit(model, LayerStats())
    else:
        with pytest.raises((ZeroDivisionError, SystemExit)):
            fit(model, LayerStats())
    assert count_hooks(model) == 0


def test_optimizers_of_other_parameters_are_not_counted() -> None:
    class Two(Model):
        """Another optimizer steps before each step of the encoder's."""

        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.other = nn.Linear(1, 1).double()

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            self.manual_backward(loss + self.other.weight.sum())
            for optimizer in self.optimizers():
                optimizer.step()
                optimizer.zero_grad()
            return loss

        def configure_optimizers(self) -> Any:
            return [
                torch.optim.SGD(module.parameters(), lr=LR)
                for module in (self.other, self.encoder)
            ]

    got = fit(Two(), LayerStats(every=4))
    expected = list(by_hand(small_encoder(), [[[one]] for one in utterances() * 4]))
    assert list(got) == [1, 9, 17, 25]
    for number, statistics in enumerate(got.values()):
        assert statistics == pytest.approx(expected[4 * number], rel=1e-9)


def test_optimizers_that_share_the_sublayers_count_once() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            self.manual_backward(loss)
            for optimizer in self.optimizers():
                optimizer.step()
            for optimizer in self.optimizers():
                optimizer.zero_grad()
            return loss

        def configure_optimizers(self) -> Any:
            parameters = list(self.parameters())
            return [torch.optim.SGD(parameters[start::2], lr=LR) for start in range(2)]

    got = fit(Two(), LayerStats(every=4))
    expected = list(by_hand(small_encoder(), [[[one]] for one in utterances() * 4]))
    assert len(got) == 4
    for number, statistics in enumerate(got.values()):
        assert statistics == pytest.approx(expected[4 * number], rel=1e-9)


def test_frozen_sublayers_are_measured_and_nothing_piles_up() -> None:
    callback = LayerStats(every=4)
    waiting: list[int] = []

    class Frozen(Model):
        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            assert callback._watch is not None
            waiting.append(max(len(site.batches) for site in callback._watch._sites))
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            self.encoder.stack.sublayers.requires_grad_(False)
            trained = [p for p in self.parameters() if p.requires_grad]
            return torch.optim.SGD(trained, lr=0.0)

    class Free(Model):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    got = fit(Frozen(), callback)
    expected = fit(Free(), LayerStats(every=4))
    assert list(got) == list(expected) == [0, 4, 8, 12]
    assert max(waiting) == 1
    for step, statistics in got.items():
        for name, value in statistics.items():
            gradient = name.startswith("layer_gradient")
            assert value == (0.0 if gradient else expected[step][name])


def test_model_without_sublayers_is_told() -> None:
    class Other(Model):
        def __init__(self) -> None:
            super().__init__()
            self.add_module("encoder", nn.Linear(1, 1))

    with pytest.raises(ValueError, match="need an s4 encoder, and Other has none"):
        fit(Other(), LayerStats())


def test_interval_is_checked() -> None:
    with pytest.raises(ValueError, match="every: must be an integer >= 1, got 0"):
        LayerStats(every=0)
    assert isinstance(LayerStats(), lightning.Callback)
