"""The half of the stage ``create_dataset`` that gets the recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from espnet3.components.data.dataset_builder import DatasetBuilder

from .config import CONFIG
from .source import collect_recordings


class RecordingsBuilder(DatasetBuilder):
    """What the stage calls, in the order of the methods; a recipe adds the others.

    Both folders appear in one step when they are complete, so a folder that exists
    is ready and an interrupted stage can simply be run again. ESPnet's template adds
    options that are not used here.

    Attributes:
        notices: Files that go with every copy, such as a licence.
    """

    notices: ClassVar[Sequence[Path]] = ()

    def is_source_prepared(self, recipe_dir: str | Path, **_unused: object) -> bool:
        """Tell whether the recordings are there."""
        return Path(recipe_dir, CONFIG.recordings_dir).is_dir()

    def prepare_source(
        self,
        recipe_dir: str | Path,
        source: str | Path | None = None,
        **_unused: object,
    ) -> None:
        """Get the recordings from a path, ``downloads/`` or the web."""
        collect_recordings(source, Path(recipe_dir), self.notices)
