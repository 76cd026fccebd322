"""The mini_an4 data: ESPnet3 looks for these two names here."""

from .builder import MiniAn4Builder as DatasetBuilder
from .dataset import MiniAn4Dataset as Dataset

__all__ = ["Dataset", "DatasetBuilder"]
