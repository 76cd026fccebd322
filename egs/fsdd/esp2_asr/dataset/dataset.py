"""The splits of the connected digits as datasets."""

from pathlib import Path

from .config import CONFIG
from .location import data_folder
from .plan import make_plans
from .split_dataset import SplitDataset


class DigitsDataset(SplitDataset):
    """The utterances of one split, in the order of its manifest.

    Args:
        split: ``train``, ``valid``, ``test`` or ``long``; with a speaker held out also
            ``unseen``, where nobody else speaks.
        held_out: The speaker that the other splits do without; None for all speakers.
        recipe_dir: The folder that holds the data; by default this recipe.
    """

    def __init__(
        self,
        split: str,
        held_out: str | None = None,
        recipe_dir: str | Path | None = None,
    ) -> None:
        recipe = Path(__file__).parents[1] if recipe_dir is None else Path(recipe_dir)
        data = data_folder(recipe.resolve(), held_out)
        splits = [plan.name for plan in make_plans(held_out)]
        super().__init__(data, split, splits, CONFIG.sample_rate)
