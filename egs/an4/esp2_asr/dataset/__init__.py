"""The AN4 data: ESPnet3 looks for these two names here."""

from .builder import An4Builder as DatasetBuilder
from .dataset import An4Dataset as Dataset

__all__ = ["Dataset", "DatasetBuilder"]
