"""The learning rate of each configuration: the best of the same trials for all."""

from evidence.lines import read

RATES = (0.005, 0.002, 0.01, 0.001)
FIRST_FOLD, FIRST_SEED = 1, 1  # what the trials are trained on


def chosen_rate(study: str, name: str) -> float | None:
    """Return the rate with the fewest errors on ``valid``, which no test speaker is in.

    Returns:
        None until all trials of the configuration were trained.
    """
    wers = {
        line["lr"]: line["wer"]["valid"]
        for line in read(study)
        if line["name"] == row_name(name, line["lr"])
        and (line["fold"], line["seed"]) == (FIRST_FOLD, FIRST_SEED)
    }
    return min(wers, key=wers.__getitem__) if wers.keys() >= set(RATES) else None


def row_name(name: str, lr: float) -> str:
    """Return what the lines of a configuration call it."""
    return f"{name} {lr}"
