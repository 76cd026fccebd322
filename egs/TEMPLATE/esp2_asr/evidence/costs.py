"""What the encoders cost, as a file keeps it."""

import json
from pathlib import Path

from evidence.memory import peak_mib
from evidence.timing import measure

COSTS = Path(__file__).with_name("costs.json")

Costs = dict[str, dict[str, float]]


def measure_costs() -> None:
    """Measure time and memory of every encoder, and write the file."""
    costs = measure()
    for name, entry in costs.items():
        entry["peak_mib"] = peak_mib(name)
    COSTS.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")


def read_costs() -> Costs:
    """Return the costs by encoder; nothing where they have not been measured."""
    if not COSTS.exists():
        return {}
    costs: Costs = json.loads(COSTS.read_text(encoding="utf-8"))
    return costs
