"""Many sequences at once: over the cores of this machine, or over a cluster that Ray (extra ``fleet``) knows."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from labctl.core.errors import LabError, PartNotFound, ServiceError
from labctl.entropy.certify import Asked, Line, Piece, examine

AHEAD = 4  # pieces per worker that are under way or done; what is read from the disk and kept stays bounded


def here(piece: Piece, asked: Asked) -> list[Line]:
    """One piece, in this process."""
    return examine(piece.suite, piece.sequence, piece.packed(), piece.n_bits, asked)


def over_cores(work: Sequence[Piece], asked: Asked, workers: int | None = None) -> Iterator[list[Line]]:
    """The lines of each piece, in the order of the work; ``workers`` processes (None: one per core).

    Raises LabError when the system ends a worker.
    """
    count = min(workers or os.cpu_count() or 1, len(work))
    if count < 2:
        for piece in work:
            yield here(piece, asked)
        return
    others = set(multiprocessing.active_children())
    # Spawned, as on every system: a fork of a process with threads can hang.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    try:
        yield from _in_order(work, AHEAD * count, lambda piece: pool.submit(here, piece, asked), Future.result)
    except BrokenProcessPool as error:
        raise LabError(
            "a worker process was ended by the system, most likely for want of memory: take fewer --workers or "
            "shorter sequences"
        ) from error
    except BaseException:
        # Nobody waits for what is under way. A pool that was half started cannot be shut down: its own error would
        # take the place of this one.
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    pool.shutdown()


def over_fleet(work: Sequence[Piece], asked: Asked, address: str) -> Iterator[list[Line]]:
    """The same on the Ray cluster at ``address`` ("local" starts one here); other machines are sent the bits.

    Raises PartNotFound without Ray, ServiceError when the cluster cannot be reached or breaks.
    """
    try:
        ray: Any = importlib.import_module("ray")  # an extra, and slow to import
    except ImportError as error:
        raise PartNotFound("a fleet needs Ray: pip install 'labctl[fleet]', or leave --fleet out") from error
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ServiceError(
            f"no Ray cluster answers at {address!r} ({reason}); give the address that `ray start --head` prints, "
            "or `local`"
        ) from error
    try:
        task = ray.remote(num_cpus=1)(examine)
        window = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        yield from _in_order(work, window, lambda piece: _sent(task, piece, asked), ray.get)
    except ray.exceptions.RayError as error:
        raise ServiceError(f"the Ray cluster at {address!r} broke off: {error}") from error
    finally:
        ray.shutdown()


def _in_order(
    work: Iterable[Piece], window: int, send: Callable[[Piece], Any], receive: Callable[[Any], list[Line]]
) -> Iterator[list[Line]]:
    under_way: deque[Any] = deque()
    for piece in work:
        under_way.append(send(piece))
        if len(under_way) >= window:
            yield receive(under_way.popleft())
    while under_way:
        yield receive(under_way.popleft())


def _sent(task: Any, piece: Piece, asked: Asked) -> Any:
    return task.remote(piece.suite, piece.sequence, piece.packed(), piece.n_bits, asked)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
