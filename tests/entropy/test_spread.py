"""A certification over processes and over a Ray cluster, started here: the same lines as in one process."""

import multiprocessing
import sys
from concurrent.futures import process

import numpy as np
import pytest

from labctl.core.errors import LabError, PartNotFound, ServiceError
from labctl.entropy import spread
from labctl.entropy.certify import Asked, Suite, pieces
from labctl.entropy.files import Format, opened


def work(path, asked, count):
    path.write_bytes(np.random.default_rng(1).bytes(20_000 * count // 8))
    with opened(path, Format.PACKED) as file:
        return pieces([file], asked, 20_000, count)


@pytest.mark.fleet
def test_the_fleet_says_what_one_process_says(tmp_path):
    asked = Asked((Suite.SP800_22, Suite.SP800_90B))
    todo = work(tmp_path / "some.bits", asked, 30)
    alone = [line for piece in todo for line in spread.here(piece, asked)]
    together = [line for lines in spread.over_fleet(todo, asked, "local") for line in lines]
    assert together == alone


@pytest.mark.fleet
def test_a_fleet_that_is_not_there_is_said_to_be(tmp_path):
    asked = Asked((Suite.SP800_22,))
    with pytest.raises(ServiceError, match="no Ray cluster answers at 'nonsense'"):
        list(spread.over_fleet(work(tmp_path / "some.bits", asked, 1), asked, "nonsense"))


def test_a_worker_that_is_killed_is_an_error(tmp_path):
    asked = Asked((Suite.SP800_22,))
    lines = spread.over_cores(work(tmp_path / "some.bits", asked, 400), asked, 2)
    next(lines)
    for worker in multiprocessing.active_children():
        worker.kill()
    with pytest.raises(LabError, match="a worker process was ended by the system"):
        list(lines)


def test_ending_it_while_the_workers_start_is_no_other_error(tmp_path, monkeypatch):
    def interrupted(_thread):
        raise KeyboardInterrupt

    monkeypatch.setattr(process._ExecutorManagerThread, "start", interrupted)
    asked = Asked((Suite.SP800_22,))
    with pytest.raises(KeyboardInterrupt):
        list(spread.over_cores(work(tmp_path / "some.bits", asked, 8), asked, 2))
    for worker in multiprocessing.active_children():
        worker.join(10)
    assert not multiprocessing.active_children()


def test_without_ray_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    asked = Asked((Suite.SP800_22,))
    with pytest.raises(PartNotFound, match=r"pip install 'labctl\[fleet\]'"):
        list(spread.over_fleet(work(tmp_path / "some.bits", asked, 1), asked, "local"))
