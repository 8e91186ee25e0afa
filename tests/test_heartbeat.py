"""An agent that cannot renew its lease stops its job, whatever the service answers."""

import threading
import time

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from labctl.agent import _Heart
from labctl.client import AgentClient, ClaimedJob
from labctl.core.clock import WallClock
from labctl.core.errors import Cancelled, LeaseLost
from labctl_server.serving import serving

JOB = ClaimedJob(id="j", bench="b", procedure="identify", parameters={}, epoch=1, lease_seconds=1.0)


def service(status, body):
    """A service that answers every heartbeat in the same way."""
    app = FastAPI()

    @app.post("/v1/agent/jobs/{job}/heartbeat")
    def beat(job):
        return JSONResponse(body, status, media_type="application/problem+json" if status >= 400 else None)

    return serving(app)


def work(client, seconds):
    """A run of so many seconds, in steps of 10 ms."""
    began = time.monotonic()
    with _Heart(client, JOB, threading.Event(), WallClock()) as heart:
        while time.monotonic() - began < seconds:
            heart.check()
            time.sleep(0.01)


def problem(name, status):
    return {"type": f"urn:labctl:problem:{name}", "title": name, "status": status, "detail": f"{name} it is"}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, problem("database-error", 503), LeaseLost),
        (507, problem("disk-full", 507), LeaseLost),
        (500, {"anything": 1}, LeaseLost),
        (409, problem("lease-lost", 409), LeaseLost),
        (200, {"cancel": True, "lease_seconds": 1.0}, Cancelled),
    ],
)
def test_the_run_is_told_to_stop_before_the_lease_is_over(status, body, error):
    with service(status, body) as url, AgentClient(url) as client:
        began = time.monotonic()
        with pytest.raises(error):
            work(client, 5.0)
        assert time.monotonic() - began < 2


def test_a_service_that_answers_keeps_the_run_going():
    with service(200, {"cancel": False, "lease_seconds": 1.0}) as url, AgentClient(url) as client:
        work(client, 1.5)


def test_a_run_that_an_instrument_holds_is_given_up_some_time_after_it_was_to_stop():
    held, given_up = threading.Event(), threading.Event()

    def give_up():
        given_up.set()
        held.set()

    answer = {"cancel": True, "lease_seconds": 1.0}
    with service(200, answer) as url, AgentClient(url) as client:
        began = time.monotonic()
        with _Heart(client, JOB, threading.Event(), WallClock(), 0.5, give_up):
            held.wait(10)  # a call that never hears of the wish
        assert given_up.is_set()
        assert 0.5 < time.monotonic() - began < 5


def test_a_run_that_stops_in_time_is_not_given_up():
    given_up = threading.Event()
    with service(200, {"cancel": True, "lease_seconds": 1.0}) as url, AgentClient(url) as client:
        with _Heart(client, JOB, threading.Event(), WallClock(), 1.0, given_up.set):
            time.sleep(0.5)  # it was told to stop, and stops
        time.sleep(1.5)
    assert not given_up.is_set()
