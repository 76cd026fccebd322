"""The one style of all figures: colours, sizes, and a figure as wide as a README.

.. code-block:: python

    with styled():
        figure = new_figure(height=3)
        left, right = figure.subplots(1, 2)
        left.plot([1, 2, 3], color=BLUE, marker=MARKERS[0])
        figure.savefig("name.png")

The module loads without matplotlib; the functions need it.
"""

from contextlib import AbstractContextManager
from typing import Any

# Okabe and Ito's colours, without yellow: told apart by colour-blind readers too.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#999999"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# Inches. At 150 dots each, a page that shows 870 pixels shrinks letters to 12.
WIDTH = 8.5

STYLE: dict[str, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GREY,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "image.cmap": "cividis",
    "image.aspect": "auto",
    "image.origin": "lower",
    "figure.titlesize": 8.5,
    "savefig.dpi": 150,
}


def styled() -> AbstractContextManager[None]:
    """Return a context in which figures have the style; draw and save inside.

    Returns:
        AbstractContextManager[None]: The context.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    import matplotlib
    from cycler import cycler

    settings: Any = {**STYLE, "axes.prop_cycle": cycler(color=COLOURS)}
    return matplotlib.rc_context(settings)


def new_figure(height: float, width: float = WIDTH) -> Any:
    """Return a figure that lays itself out and needs no screen.

    Args:
        height (float): Its height in inches.
        width (float): Its width in inches.

    Returns:
        Any: The ``matplotlib.figure.Figure``.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
