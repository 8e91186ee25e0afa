"""The real service on a real port of this machine, with procedures that exist for the tests only."""

import contextlib
from dataclasses import replace

import httpx
import numpy as np
import pytest

from labctl.client import AgentClient, Client
from labctl.core.bits import Bits, Origin
from labctl.core.errors import LabError, ParameterError, PartNotFound
from labctl.core.procedure import Harvest
from labctl.ledger.engine import migrate
from labctl_server.app import create_app
from labctl_server.serving import serving
from labctl_server.settings import Settings


class TwoProcedures:
    """A catalogue of two: "sweep" needs a source-meter, "look" needs nothing."""

    needs = {"look": [], "sweep": ["smu", "array"]}  # noqa: RUF012 - never changed

    def names(self):
        return sorted(self.needs)

    def describe(self, name):
        if name not in self.needs:
            raise PartNotFound(f"there is no procedure named {name!r}; known are: {', '.join(self.names())}")
        schema = {"type": "object", "properties": {"points": {"type": "integer", "default": 3}}}
        return {"name": name, "title": name, "doc": name, "roles": self.needs[name], "schema": schema}

    def validate(self, name, parameters):
        self.describe(name)
        if unknown := set(parameters) - {"points"}:
            raise ParameterError(f"{name} cannot run like this: {', '.join(unknown)} is not one of its parameters")
        return {"points": 3, **parameters}


@pytest.fixture(scope="session")
def catalogue():
    return TwoProcedures()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, lease_seconds=5.0, reap_seconds=0.1, poll_seconds=0.2)


@pytest.fixture
def serve(settings, catalogue):
    """Starts a service; ``serve(lease_seconds=1)`` starts one that differs."""
    with contextlib.ExitStack() as ends:

        def start(**changes):
            changed = replace(settings, **changes)
            migrate(changed.home)
            return ends.enter_context(serving(create_app(changed, catalogue)))

        yield start


@pytest.fixture
def url(serve):
    return serve()


@pytest.fixture
def lab(url):
    with Client(url) as client:
        yield client


@pytest.fixture
def raw(url):
    """HTTP without our client."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture
def agent(url):
    """The agent "a1", which has the bench "b1"."""
    with AgentClient(url, "a1") as client:
        client.register("b1", origin=Origin.SIMULATED, station_digest="sha256:0", roles=["smu", "array"])
        yield client


@pytest.fixture
def run(lab, agent):
    """A job that runs under that agent."""
    lab.submit("look", bench="b1")
    job = agent.claim("b1")
    agent.start(job.id, job.epoch, {"station": "b1"})
    yield job
    with contextlib.suppress(LabError):
        agent.finish(job.id, job.epoch, "cancelled")


@pytest.fixture
def harvest():
    def make(n_bits=4096, seed=1, origin=Origin.SIMULATED, healthy=True):
        bits = Bits.of(np.random.default_rng(seed).integers(0, 2, n_bits), origin)
        return Harvest(bits, 2, 5, healthy, {"volts": 0.9})

    return make
