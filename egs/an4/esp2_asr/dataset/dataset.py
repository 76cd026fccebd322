"""The splits of AN4 as datasets."""

from pathlib import Path

from .config import CONFIG
from .location import manifest_folder
from .split_dataset import SplitDataset
from .splits import SPLITS


class An4Dataset(SplitDataset):
    """The utterances of one split, in the order of its manifest.

    Args:
        split: ``train``, ``valid`` or ``test``.
        fold: Which twelve speakers are the test split; None: the data set's own ten.
        with_ids: Whether each utterance has its id too, for files of a decoding.
        recipe_dir: The folder that holds the data; by default this recipe.
    """

    def __init__(
        self,
        split: str,
        fold: int | None = None,
        with_ids: bool = False,
        recipe_dir: str | Path | None = None,
    ) -> None:
        recipe = Path(__file__).parents[1] if recipe_dir is None else Path(recipe_dir)
        data = manifest_folder(recipe.resolve() / CONFIG.data_dir, fold)
        super().__init__(data, split, SPLITS, CONFIG.sample_rate, with_ids)
