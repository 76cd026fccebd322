"""The learned interpolation: its range, its gradient, and the count of passes."""

import copy
import pickle
from functools import partial
from pathlib import Path

import pytest
import torch
from espnet2.main_funcs.average_nbest_models import average_nbest_models
from espnet2.train.reporter import Reporter
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from espnet_residuals.residual import Bypass
from tests.residual.espnet_init import every_init, initialised


def weight(module: Bypass) -> Tensor:
    """Return c, measured at the output; does not count as a pass."""
    was_training = module.training
    module.eval()
    x, y = torch.zeros(module.d_model), torch.ones(module.d_model)
    result = module(x, y)
    module.train(was_training)
    return result


def after(passes: int, **options: float) -> Bypass:
    module = Bypass(1, 3, 3, **options)
    x = torch.zeros(2, 3)
    for _ in range(passes):
        module(x, x)
    return module


@pytest.mark.parametrize("transposed", [False, True])
def test_result_is_the_formula(transposed: bool) -> None:
    module = Bypass(1, 3, 3, floor_first=0.2).eval()
    module.scale.data.copy_(torch.tensor([0.3, 0.5, 2.0]))
    c = torch.tensor([0.3, 0.5, 1.0])
    x, y = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    result = module(x.mT, y.mT, True).mT if transposed else module(x, y)
    torch.testing.assert_close(result, (1 - c) * x + c * y)


@pytest.mark.parametrize(
    ("passes", "floor"), [(0, 0.9), (5, 0.725), (10, 0.55), (20, 0.2), (25, 0.2)]
)
def test_floor_falls_linearly_and_stays(passes: int, floor: float) -> None:
    module = after(passes, start=0.1, steps=20)
    torch.testing.assert_close(weight(module), torch.full((3,), floor))


def test_numbers_are_those_of_zipformer() -> None:
    module = Bypass(1, 3, 3)
    assert (module.floor_first, module.floor_last, module.steps) == (0.9, 0.2, 20000)
    assert module.scale.tolist() == [0.5] * 3


def test_passes_are_counted_in_training_alone() -> None:
    module = after(3)
    module.eval()(torch.zeros(3), torch.zeros(3))
    assert module.passes.item() == 3.0


@pytest.mark.parametrize(
    ("start", "down", "gets_gradient"),
    [
        (0.5, True, False),
        (0.5, False, True),
        (0.95, True, True),
        (0.95, False, True),
        (1.5, True, True),
        (1.5, False, False),
    ],
)
def test_gradient_leads_into_the_range_and_not_out_of_it(
    start: float, down: bool, gets_gradient: bool
) -> None:
    """A plain clamp gives none outside: what has left it once stays there."""
    module = Bypass(1, 3, 3)
    module.scale.data.fill_(start)
    loss = module(torch.zeros(3), torch.ones(3)).sum()
    (loss if down else -loss).backward()
    assert module.scale.grad is not None
    assert bool(module.scale.grad.any()) == gets_gradient


class Branch(nn.Module):
    """A branch, and the connection round it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.bypass = Bypass(1, 3, 3, steps=10)

    def forward(self, x: Tensor) -> Tensor:
        return self.bypass(x, self.linear(x)).tanh()


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_activation_checkpointing_changes_neither_floor_nor_count(
    use_reentrant: bool,
) -> None:
    """The second forward pass of the same batch takes the floor of the first."""
    again = partial(checkpoint, use_reentrant=use_reentrant)
    plain = nn.ModuleList(Branch() for _ in range(3))
    checkpointed = copy.deepcopy(plain)
    for passes in range(1, 13):
        x = torch.randn(4, 3, requires_grad=True)
        one = other = x
        for a, b in zip(plain, checkpointed):
            one, other = a(one), again(b, other)
        torch.testing.assert_close(other, one)
        one.sum().backward()
        other.sum().backward()
        for p, q in zip(plain.parameters(), checkpointed.parameters()):
            torch.testing.assert_close(q.grad, p.grad)
        assert [branch.bypass.passes.item() for branch in checkpointed] == [passes] * 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_model_goes_on_counting(dtype: torch.dtype) -> None:
    module = Bypass(1, 3, 3).to(dtype)
    assert (module.scale.dtype, module.passes.dtype) == (dtype, torch.float32)
    module.passes.fill_(5000.0)
    module(torch.zeros(3, dtype=dtype), torch.zeros(3, dtype=dtype))
    assert module.passes.item() == 5001.0


def test_checkpoint_holds_the_count_and_no_integers() -> None:
    module = after(7, steps=20)
    state = module.state_dict()
    assert list(state) == ["scale", "passes"]
    assert all(tensor.is_floating_point() for tensor in state.values())
    resumed = Bypass(1, 3, 3, steps=20)
    resumed.load_state_dict(state)
    assert torch.equal(weight(resumed), weight(module))
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(weight(twin), weight(module))


def test_average_of_checkpoints_stands_between_them(tmp_path: Path) -> None:
    """ESPnet would add up integers: two checkpoints of 10 passes would make 20."""
    reporter = Reporter()
    for epoch, passes in enumerate((10, 14), start=1):
        torch.save(after(passes, steps=20).state_dict(), tmp_path / f"{epoch}epoch.pth")
        reporter.set_epoch(epoch)
        with reporter.observe("valid") as valid:
            valid.register({"loss": torch.tensor(1.0 / epoch)})
            valid.next()
    average_nbest_models(tmp_path, reporter, [["valid", "loss", "min"]], 2)
    module = Bypass(1, 3, 3, steps=20)
    module.load_state_dict(torch.load(tmp_path / "valid.loss.ave_2best.pth"))
    assert module.passes.item() == 12.0


@every_init
def test_start_survives_espnets_init(init: str) -> None:
    module = initialised(Bypass(1, 3, 3), init)
    assert module.scale.tolist() == [0.5] * 3
    assert module.passes.item() == 0.0


def test_floor_falls_in_compiled_code_too() -> None:
    torch.compiler.reset()
    module, plain = Bypass(1, 3, 3, steps=4), Bypass(1, 3, 3, steps=4)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for _ in range(6):
        x, y = torch.randn(2, 3), torch.randn(2, 3)
        torch.testing.assert_close(compiled(x, y), plain(x, y))
    assert module.passes.item() == 6.0


def test_variance_is_that_of_independent_parts() -> None:
    x, y = torch.randn(2, 50000, 4)
    module = Bypass(1, 4, 4, start=0.7, floor_first=0.2)
    expected = 0.3**2 + 0.7**2
    assert module(x, y).var().item() == pytest.approx(expected, abs=0.02)
