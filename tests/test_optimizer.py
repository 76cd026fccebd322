"""dt, A and B train at their own rate without decay, or a warning says why not."""

import copy
import pickle
import warnings
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import lightning
import pytest
import torch
import yaml
from espnet2.tasks.abs_task import AbsTask
from espnet3.components.modeling.lightning_module import ESPnetLightningModule
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.utils import parametrize, prune
from torch.utils.data import DataLoader

from espnet_residuals import S4D, ConfigError, S4Encoder
from espnet_residuals.encoder.sublayer import Sublayer
from espnet_residuals.integration.own_learning_rate import watch_learning_rates
from espnet_residuals.optimizer import grouped
from espnet_residuals.ssm import S4DKernel
from espnet_residuals.tasks import ASRTask
from tests.docs.page import blocks
from tests.environment import ROOT

STATE_SPACE = ("log_dt", "log_A_real", "A_imag", "kernel.B")
OWN_RATE, RATE, DECAY = 1e-4, 1e-2, 0.1

must_not_warn = pytest.mark.filterwarnings("error:the option lr")
pytestmark = pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec")


class Model(nn.Module):
    """An encoder with a loss, called as ESPnet calls its models."""

    def __init__(self, lr: Any = "1e-4") -> None:
        super().__init__()
        layer = [{"_name_": "s4d", "d_state": 4, "lr": lr}, "ff"]
        self.encoder = S4Encoder(20, output_size=8, num_blocks=2, layer=layer)

    def forward(
        self, speech: Tensor, speech_lengths: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        loss = self.encoder(speech, speech_lengths)[0].sum()
        return loss, {}, torch.tensor(len(speech))


def is_state_space(name: str) -> bool:
    return name.endswith(STATE_SPACE)


def parameters_by_kind(
    model: nn.Module,
) -> tuple[set[nn.Parameter], set[nn.Parameter]]:
    """Return the parameters that ask for settings, and all others."""
    asking = {p for n, p in model.named_parameters() if is_state_space(n)}
    return asking, set(model.parameters()) - asking


def espnet2_args(**options: Any) -> Namespace:
    """Return the command line's view of a YAML with these options."""
    args = ASRTask.get_parser().parse_args([])
    conf = {"lr": RATE, "weight_decay": DECAY}
    return Namespace(**{**vars(args), "optim": "sgd", "optim_conf": conf, **options})


def espnet3_module(model: nn.Module, **optimizer: Any) -> ESPnetLightningModule:
    """Wrap a model as ESPnet3's trainer does."""
    settings = {"_target_": "espnet_residuals.optimizer.grouped", "lr": RATE}
    config = {
        "optimizer": {**settings, **optimizer},
        "scheduler": {
            "_target_": "espnet2.schedulers.warmup_lr.WarmupLR",
            "warmup_steps": 10,
        },
        "dataset": {
            "_target_": "espnet3.components.data.data_organizer.DataOrganizer",
            "recipe_dir": None,
        },
        "dataloader": {"train": {}, "valid": {}},
        "num_device": 1,
    }
    return ESPnetLightningModule(model, OmegaConf.create(config))


def fit(module: ESPnetLightningModule) -> None:
    """Train for two steps with Lightning."""
    batch = {"speech": torch.randn(2, 60, 20), "speech_lengths": torch.tensor([60, 40])}
    batches: DataLoader[Any] = DataLoader([(["a", "b"], batch)] * 2, batch_size=None)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_steps=2,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, train_dataloaders=batches, val_dataloaders=batches)


def step_with_gradient(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.full_like(parameter, value)
    optimizer.step()


@must_not_warn
@pytest.mark.parametrize("task", [AbsTask, ASRTask])
def test_espnet2_gives_no_decay_and_the_own_rate(task: type[AbsTask]) -> None:
    model = Model()
    args = espnet2_args(exclude_weight_decay=True)
    (optimizer,) = task.build_optimizers(args, model)

    before = copy.deepcopy(model.state_dict())
    step_with_gradient(optimizer, 0.0)
    for name, value in model.state_dict().items():
        if is_state_space(name):
            assert torch.equal(value, before[name]), f"{name} decays"
        elif name.endswith(("kernel.C", "linear.weight")):
            torch.testing.assert_close(value, before[name] * (1 - RATE * DECAY))

    before = copy.deepcopy(model.state_dict())
    step_with_gradient(optimizer, 1.0)
    for name, value in model.state_dict().items():
        if is_state_space(name):
            torch.testing.assert_close(value, before[name] - OWN_RATE)
        elif name.endswith("bias"):
            torch.testing.assert_close(value, before[name] - RATE)


def test_espnet2_without_the_switch_warns_at_the_first_step_only() -> None:
    (optimizer,) = ASRTask.build_optimizers(espnet2_args(), Model())
    message = r"lr of a layer \(0\.0001\) has no effect: SGD .* at 0\.01,"
    with pytest.warns(RuntimeWarning, match=message + ".*`exclude_weight_decay: true`"):
        step_with_gradient(optimizer, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step_with_gradient(optimizer, 1.0)


def test_espnet3_scales_every_groups_own_rate() -> None:
    module = espnet3_module(Model(), lr="1e-2", weight_decay="1e-1")
    configured = module.configure_optimizers()
    optimizer = configured["optimizer"]
    scheduler = configured["lr_scheduler"]["scheduler"]
    asking, others = parameters_by_kind(module)
    plain, own = optimizer.param_groups
    assert type(optimizer) is torch.optim.AdamW
    assert set(plain["params"]) == others and set(own["params"]) == asking
    assert (plain["weight_decay"], own["weight_decay"]) == (DECAY, 0.0)
    for step in range(1, 31):
        scale = min(step / 10, (10 / step) ** 0.5)
        assert plain["lr"] == pytest.approx(RATE * scale)
        assert own["lr"] == pytest.approx(OWN_RATE * scale)
        optimizer.step()
        scheduler.step()


@must_not_warn
def test_espnet3_trains_with_groups() -> None:
    fit(espnet3_module(Model()))


def test_espnet3_with_a_flat_list_warns() -> None:
    module = espnet3_module(Model(), _target_="torch.optim.Adam")
    message = "_target_: espnet_residuals.optimizer.grouped.*: torch.optim.adam.Adam`"
    with pytest.warns(RuntimeWarning, match=message):
        fit(module)


@must_not_warn
@pytest.mark.parametrize("lr", [None, RATE])
def test_flat_list_is_fine_where_no_layer_asks_for_another_rate(lr: Any) -> None:
    fit(espnet3_module(Model(lr), _target_="torch.optim.Adam"))


def test_frozen_parameters_leave_no_empty_group() -> None:
    model = Model()
    for parameter in parameters_by_kind(model)[0]:
        parameter.requires_grad_(False)
    optimizer = espnet3_module(model).configure_optimizers()["optimizer"]
    (group,) = optimizer.param_groups
    assert set(group["params"]) == parameters_by_kind(model)[1]


def test_yaml_of_the_page_on_the_encoder_builds_an_optimizer() -> None:
    page = ROOT.joinpath("docs", "encoder.md").read_text(encoding="utf-8")
    (text,) = [b for b in blocks(page, "yaml") if "optimizer.grouped" in b]
    module = espnet3_module(Model(), **yaml.safe_load(text)["optimizer"])
    assert len(module.configure_optimizers()["optimizer"].param_groups) == 2


def test_every_distinct_setting_has_one_group_in_the_order_of_the_parameters() -> None:
    rates = (2e-3, None, 1e-3, 2e-3)
    layers = nn.ModuleList([S4D(8, d_state=4, lr=lr) for lr in rates])
    groups = grouped(layers.parameters(), lr=RATE).param_groups
    assert [group["lr"] for group in groups] == [RATE, 2e-3, RATE, 1e-3]
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0, 0.0, 0.0]
    placed = [p for group in groups for p in group["params"]]
    assert len(placed) == len(set(placed)) == len(list(layers.parameters()))
    order = {p: i for i, p in enumerate(layers.parameters())}
    for group in groups:
        places = [order[p] for p in group["params"]]
        assert places == sorted(places)


def test_only_the_parameters_that_ask() -> None:
    asking, _ = parameters_by_kind(Model())
    (group,) = grouped(asking, torch.optim.SGD, lr=RATE).param_groups
    assert group["lr"] == OWN_RATE


@pytest.mark.parametrize("optimizer", ["Adam", "torch.optim.Adm", "os.system", "", 7])
def test_what_is_no_optimizer_is_refused(optimizer: Any) -> None:
    message = f"optimizer.optimizer: must be .* as torch.optim.AdamW, got {optimizer!r}"
    with pytest.raises(ConfigError, match=message):
        grouped(Model().parameters(), optimizer)


def test_text_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="optimizer.lr: must be .*got 'fast'"):
        grouped(Model().parameters(), lr="fast")


def test_pairs_and_groups_are_refused() -> None:
    """They have no settings to read, and would all be trained alike."""
    model = Model()
    for params in (model.named_parameters(), [{"params": model.parameters()}]):
        with pytest.raises(TypeError, match="takes tensors, .*got (tuple|dict)"):
            grouped(params)


def test_optimizer_without_learning_rates_is_left_alone() -> None:
    class Still(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {})

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            pass

    watch_learning_rates()
    Still(Model().parameters()).step()


@contextmanager
def process_group(store: Path) -> Iterator[None]:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=0, world_size=1
    )
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def replaced(model: nn.Module) -> nn.Module:
    """Put new parameters where the old ones stand."""
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(parameter.detach().clone()))
    return model


def pruned(model: nn.Module) -> nn.Module:
    """Put masks on parameters, as torch does, and convert the model."""
    for module in model.modules():
        if isinstance(module, S4DKernel):
            for name in ("B", "C", "log_dt"):
                prune.identity(module, name)
    return model.double()


class Identity(nn.Module):
    """A parametrisation that changes nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def parametrised(model: nn.Module) -> nn.Module:
    """Parametrise, as torch does, and convert the model."""
    for module in model.modules():
        if isinstance(module, S4DKernel):
            for name in ("B", "C", "log_dt"):
                parametrize.register_parametrization(module, name, Identity())
    return model.double()


def sharded(model: nn.Module) -> nn.Module:
    """Split parameters as FSDP2 does, sublayer by sublayer."""
    mesh = init_device_mesh("cpu", (1,))
    for module in [*model.modules()][::-1]:
        if isinstance(module, Sublayer):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


@pytest.mark.parametrize(
    "change",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        torch.compile,
        nn.parallel.DistributedDataParallel,
        nn.Module.double,
        replaced,
        pruned,
        parametrised,
        sharded,
    ],
    ids=[
        *("deepcopy", "pickle", "compile", "ddp", "float64"),
        *("replaced", "pruned", "parametrised", "fsdp2"),
    ],
)
def test_settings_and_warning_survive(
    change: Callable[[nn.Module], Any], tmp_path: Path
) -> None:
    with process_group(tmp_path / "store"):
        changed = change(Model())
        groups = grouped(changed.parameters(), lr=RATE).param_groups
        assert [len(group["params"]) for group in groups] == [32, 8]
        assert [group["lr"] for group in groups] == [RATE, OWN_RATE]
        assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
        with pytest.warns(RuntimeWarning, match="the option lr"):
            step_with_gradient(torch.optim.AdamW(changed.parameters()), 1.0)
