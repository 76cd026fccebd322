"""Run the cells that are missing, as many at a time as there are cores."""

import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from evidence.cell import CELLS, run_cell
from evidence.plan import Cell, all_cells

LONGEST = 6 * 60  # seconds that a cell takes at most


def missing(match: str = "") -> list[Cell]:
    """Return the cells without a file whose file's name has ``match`` in it."""
    return [
        cell
        for cell in all_cells()
        if match in cell.file_name and not (CELLS / cell.file_name).exists()
    ]


def run_missing(minutes: float, match: str = "") -> None:
    """Run missing cells, each in a process of its own; begin none that ends too late.

    Args:
        minutes: How long all may take.
        match: What the name of a cell's file must have in it.
    """
    end = time.monotonic() + 60 * minutes
    waiting = missing(match)
    print(f"{len(waiting)} cells are missing")
    running: dict[Future[None], Cell] = {}
    n_workers = os.cpu_count() or 1
    with ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        while running or (waiting and _has_time(end)):
            while waiting and len(running) < n_workers and _has_time(end):
                cell = waiting.pop(0)
                running[pool.submit(run_cell, cell)] = cell
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                print("done:", running.pop(future).file_name, flush=True)


def _has_time(end: float) -> bool:
    return time.monotonic() + LONGEST < end
