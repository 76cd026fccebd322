"""The residual functions that a YAML may name, for ``espnet-residuals list``."""

from espnet_residuals.instruments.showing.table import table
from espnet_residuals.residual import registry
from espnet_residuals.residual.description import (
    as_in_yaml,
    names_of_classes,
    options_of,
    plain_formula,
    split_names,
)

LEGEND = """\
x goes into a sublayer, y comes out of it. The other letters are options, numbers
that follow from the depth, or learned; docs/residuals.md tells of each."""


def catalogue() -> str:
    """Return a table of names, aliases, formulas, and options with defaults.

    Returns:
        str: One row for each class, those of installed packages too; and a legend.
    """
    rows = []
    for cls, names in names_of_classes(registry).items():
        main, aliases = split_names(names)
        options = ", ".join(
            f"{name}={as_in_yaml(default)}" for name, default in options_of(cls).items()
        )
        rows.append((main, ", ".join(aliases), plain_formula(cls), options))
    listed = table(("name", "aliases", "result", "options (defaults)"), rows)
    return f"{listed}\n\n{LEGEND}"
