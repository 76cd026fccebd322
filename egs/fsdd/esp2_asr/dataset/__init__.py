"""The connected digits: ESPnet3 looks for these two names here."""

from .builder import DigitsBuilder as DatasetBuilder
from .dataset import DigitsDataset as Dataset

__all__ = ["Dataset", "DatasetBuilder"]
