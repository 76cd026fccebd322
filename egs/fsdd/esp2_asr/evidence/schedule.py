"""Run the cells that are missing, as many at a time as there are cores."""

import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from evidence.cell import run_cell
from evidence.plan import Cell, all_cells
from evidence.store import Result, add, is_trained

LONGEST = 6 * 60  # seconds that a cell takes at most


def missing(match: str = "") -> list[Cell]:
    """Return the cells that were not trained and whose title has ``match`` in it."""
    return [
        cell for cell in all_cells() if match in cell.title and not is_trained(cell)
    ]


def run_missing(minutes: float, match: str = "") -> None:
    """Run missing cells, each in a process of its own; begin none that ends too late.

    Args:
        minutes: How long all may take.
        match: What a cell's title must have in it.
    """
    end = time.monotonic() + 60 * minutes
    waiting = missing(match)
    print(f"{len(waiting)} cells are missing")
    running: dict[Future[Result], Cell] = {}
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
                cell = running.pop(future)
                add(cell.study, future.result())
                print("done:", cell.title, flush=True)


def _has_time(end: float) -> bool:
    return time.monotonic() + LONGEST < end
