"""What the numbers were measured on, read when they are."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe_machine() -> dict[str, str]:
    """Return the processor and the versions, without names of hosts or folders."""
    return {
        "CPU": cpu_model(),
        "cores": str(available_cores()),
        "Python": platform.python_version(),
        "torch": version("torch"),
        "ESPnet": version("espnet"),
    }


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def cpu_model() -> str:
    """Return the name that the processor gives itself."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
