"""The model and the optimizer of a cell."""

from pathlib import Path
from typing import Any

from espnet2.asr.espnet_model import ESPnetASRModel
from espnet3.utils.config_utils import load_and_merge_config
from espnet3.utils.task_utils import get_espnet_model
from evidence.cell import Cell
from evidence.data import TOKENS
from omegaconf import OmegaConf
from src.schedule import rise_and_fall
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from espnet_residuals.optimizer import grouped

CONF = Path(__file__).parents[1] / "conf" / "evidence.yaml"


def load_config() -> Any:
    """Return conf/evidence.yaml on top of what it builds on."""
    return load_and_merge_config(
        CONF,
        config_name="training.yaml",
        default_package="egs3.TEMPLATE.esp2_asr",
        resolve=False,
    )


def build_model(cell: Cell) -> ESPnetASRModel:
    """Build a cell's model; draw its parameters from torch's random numbers."""
    config = load_config()
    config.model.token_list = TOKENS
    conf: Any = OmegaConf.to_container(config.model, resolve=True)
    usual = conf["encoder_conf"] if cell.encoder == "s4" else {}
    conf["encoder"] = cell.encoder
    conf["encoder_conf"] = {**usual, **cell.encoder_conf}
    return get_espnet_model(config.task, conf)


def build_optimizer(
    cell: Cell, model: ESPnetASRModel
) -> tuple[Optimizer, LambdaLR, int]:
    """Return the optimizer, its schedule and the number of steps."""
    config = load_config()
    steps = cell.times * config.scheduler.total_steps
    optimizer = grouped(
        model.parameters(), lr=cell.lr, weight_decay=config.optimizer.weight_decay
    )
    schedule = rise_and_fall(optimizer, config.scheduler.warmup_steps, steps)
    return optimizer, schedule, steps
