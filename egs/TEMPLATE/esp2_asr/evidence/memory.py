"""How much memory training holds, beyond the data and the model."""

import os
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from evidence.batches import batches
from evidence.timing import make_runner, step

STEPS = 20  # of the longest batches


def peak_mib(name: str) -> int:
    """Return the peak of an encoder's training in a process of its own, in MiB."""
    # Freed blocks go back at once; else what loading left would be used unseen.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(64 * 1024)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_mib, name).result()


def _peak_mib(name: str) -> int:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    longest = batches("train", None)[-STEPS:]
    runner = make_runner(name)
    runner.model.train()
    before = kib("VmRSS")
    for batch in longest:
        step(runner, batch)
    return round((kib("VmHWM") - before) / 1024)


def kib(entry: str) -> int:
    """Read what /proc says of the process, such as its peak (VmHWM), in KiB."""
    match = re.search(rf"{entry}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert match
    return int(match[1])
