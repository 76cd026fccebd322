"""What reading a long recording takes, as a file keeps it."""

import json
import math
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Optional

import torch
from evidence.data import SAMPLE_RATE, load
from evidence.memory import kib
from evidence.plan import ENCODERS
from evidence.reading import read
from evidence.timing import make_runner

LENGTHS = (10, 60, 300, 1200)  # seconds
LIMIT_GIB = 4  # of memory, beyond the model
COSTS = Path(__file__).with_name("lengths.json")

Cost = Optional[dict[str, float]]


def measure_lengths(match: str) -> None:
    """Measure the encoders in processes of their own, and write the file.

    Args:
        match: What an encoder's name must have in it.
    """
    costs = read_lengths()
    for name in ENCODERS:
        if match in name:
            costs[name] = {str(length): _apart(name, length) for length in LENGTHS}
            COSTS.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
            print("done:", name, flush=True)


def read_lengths() -> dict[str, dict[str, Cost]]:
    """Return the costs by encoder and length; None is what took too much memory."""
    if not COSTS.exists():
        return {}
    costs: dict[str, dict[str, Cost]] = json.loads(COSTS.read_text(encoding="utf-8"))
    return costs


def _apart(name: str, length: int) -> Cost:
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(64 * 1024)  # as in evidence.memory
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure_length, name, length).result()


def measure_length(name: str, length: int) -> Cost:
    """Return processor seconds and peak memory of reading one recording.

    Args:
        name: The encoder; its model is not trained.
        length: Seconds of the recording.

    Returns:
        None where it takes more memory than ``LIMIT_GIB``.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = make_runner(name).model.eval()
    speech = _speech(length)
    read(model, speech[:SAMPLE_RATE])  # loads what the first call loads
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    allowed = (kib("VmSize") << 10) + (LIMIT_GIB << 30)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, most))
    before, began = kib("VmRSS"), time.process_time()
    try:
        read(model, speech)
    except (MemoryError, RuntimeError):  # torch's allocator raises the latter
        return None
    seconds = time.process_time() - began
    peak_mib = round((kib("VmHWM") - before) / 1024)
    return {"seconds": round(seconds, 2), "peak_mib": max(0, peak_mib)}


def _speech(length: int) -> torch.Tensor:
    """Return the test utterances, again and again, so many seconds long."""
    samples = torch.cat([speech for speech, _ in load("test", None)])
    n_samples = length * SAMPLE_RATE
    return samples.repeat(math.ceil(n_samples / len(samples)))[:n_samples]
