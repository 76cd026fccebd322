"""The splits of mini_an4 as datasets."""

from pathlib import Path

from .config import CONFIG
from .split_dataset import SplitDataset


class MiniAn4Dataset(SplitDataset):
    """The utterances of one split, in the order of its manifest.

    Args:
        split: ``train``, ``valid`` or ``test``.
        recipe_dir: the folder that holds the data; by default this recipe.
    """

    def __init__(self, split: str, recipe_dir: str | Path | None = None) -> None:
        recipe = Path(__file__).parents[1] if recipe_dir is None else Path(recipe_dir)
        data = recipe.resolve() / CONFIG.data_dir
        splits = ("train", "valid", "test")
        super().__init__(data, split, splits, CONFIG.sample_rate)
