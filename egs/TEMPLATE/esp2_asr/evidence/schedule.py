"""Run the cells that are missing, as many at a time as this process has cores."""

import os
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from difflib import get_close_matches
from multiprocessing import get_context

from evidence.cell import Cell
from evidence.lines import Result
from evidence.plan import all_cells
from evidence.run_cell import run_cell
from evidence.store import add, is_trained

LONGEST = 6 * 60  # seconds that a cell of the usual steps takes at most


class UnknownTitle(Exception):
    """No cell's title has what was asked for in it."""


def missing(match: str = "") -> list[Cell]:
    """Return the cells that were not trained and whose title has ``match`` in it.

    Raises:
        UnknownTitle: No cell of the plan has it, trained or not.
    """
    cells = all_cells()
    named = [cell for cell in cells if match in cell.title]
    if not named:
        titles = [cell.title for cell in cells]
        nearest = get_close_matches(match, titles, n=1, cutoff=0.0)
        raise UnknownTitle(
            f"no cell has {match!r} in its title; the nearest is {nearest[0]!r}"
        )
    return [cell for cell in named if not is_trained(cell)]


def run_missing(minutes: float, match: str = "") -> None:
    """Run missing cells, each in a process of its own; begin none that ends too late.

    The plan is read again before each: what a cell leaves may decide what follows.

    Args:
        minutes: How long all may take.
        match: What a cell's title must have in it.
    """
    end = time.monotonic() + 60 * minutes
    print(f"{len(missing(match))} cells are missing")
    running: dict[Future[Result], Cell] = {}
    n_workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        while True:
            waiting = [c for c in missing(match) if c not in running.values()]
            for cell in waiting[: n_workers - len(running)]:
                if time.monotonic() + LONGEST * cell.times < end:
                    running[pool.submit(run_cell, cell)] = cell
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                cell = running.pop(future)
                add(cell.study, future.result())
                print("done:", cell.title, flush=True)
    left = missing(match)
    if left:
        minutes = LONGEST * left[0].times / 60
        print(f"{len(left)} are left; the next may take {minutes:.0f} minutes")
