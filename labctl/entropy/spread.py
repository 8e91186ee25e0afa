"""Many sequences at once: over the cores of this machine, or over a cluster that Ray (extra ``fleet``) knows."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from labctl.core.errors import PartNotFound
from labctl.entropy.certify import Asked, Line, Piece, examine

AHEAD = 4  # pieces per worker that are read from the disk before they are wanted; the rest stay there


def here(piece: Piece, asked: Asked) -> list[Line]:
    """One piece, in this process."""
    return examine(piece.suite, piece.sequence, piece.packed(), piece.n_bits, asked)


def over_cores(work: Sequence[Piece], asked: Asked, workers: int | None = None) -> Iterator[list[Line]]:
    """The lines of each piece, in the order in which they are ready; ``workers`` processes (None: one per core)."""
    count = min(workers or os.cpu_count() or 1, len(work))
    if count < 2:
        for piece in work:
            yield here(piece, asked)
        return
    # Spawned, as on every system: a fork of a process with threads can hang.
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(here, piece, asked) for piece in work]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for each in waiting:
                each.cancel()


def over_fleet(work: Sequence[Piece], asked: Asked, address: str) -> Iterator[list[Line]]:
    """The same on the Ray cluster at ``address`` ("local" starts one here); other machines are sent the bits.

    Raises PartNotFound without Ray.
    """
    try:
        ray: Any = importlib.import_module("ray")  # an extra, and slow to import
    except ImportError as error:
        raise PartNotFound("a fleet needs Ray: pip install 'labctl[fleet]', or leave --fleet out") from error
    ray.init(address=address, log_to_driver=False, configure_logging=False)
    try:
        task = ray.remote(num_cpus=1)(examine)
        window = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        queue, running = iter(work), []
        for piece in queue:
            running.append(_sent(task, piece, asked))
            if len(running) >= window:
                done, running = ray.wait(running)
                yield from ray.get(done)
        while running:
            done, running = ray.wait(running)
            yield from ray.get(done)
    finally:
        ray.shutdown()


def _sent(task: Any, piece: Piece, asked: Asked) -> Any:
    return task.remote(piece.suite, piece.sequence, piece.packed(), piece.n_bits, asked)
