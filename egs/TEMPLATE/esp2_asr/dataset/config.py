"""The settings of ``config.yaml``."""

from pathlib import Path

from omegaconf import OmegaConf

CONFIG = OmegaConf.load(Path(__file__).with_name("config.yaml"))
