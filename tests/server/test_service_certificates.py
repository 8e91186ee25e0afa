"""Certificates over HTTP."""

from dataclasses import replace
from typing import get_args

import pytest

from labctl.core.errors import NotFound, ParameterError
from labctl.entropy import certify
from labctl_server import schemas

FOUND = {
    "n_bits": 64,
    "suites": ["sp800-22"],
    "profile": "exact",
    "passed": True,
    "verdict": "1 of 1 passed",
    "results": [{"test": "frequency", "variant": "", "p_value": 0.5, "status": "passed"}],
    "version": "0.1.0",
}


@pytest.fixture
def draw(lab, agent, run, harvest):
    agent.segment(run.id, run.epoch, harvest(4096))
    drawn = lab.draw(64, consumer="me", purpose="test", accept_simulated=True)
    return {"draw": drawn.id, "sha256": lab.take(drawn.id).sha256()}


def test_a_certificate_is_kept_and_found_again(lab, draw, raw):
    kept = lab.keep_certificate({**FOUND, **draw})
    assert (kept.draw, kept.run, kept.origin, kept.results) == (draw["draw"], None, "simulated", FOUND["results"])
    assert lab.certificates(draw=kept.draw) == [replace(kept, results=None)]
    assert lab.certificate(kept.id) == kept
    assert lab.certificates(run="another") == []
    assert raw.get(f"/v1/certificates/{kept.id}").json()["verdict"] == "1 of 1 passed"
    answer = raw.post("/v1/certificates", json={**FOUND, **draw})
    assert answer.headers["location"] == f"/v1/certificates/{answer.json()['id']}"
    assert 'rel="next"' in raw.get("/v1/certificates?limit=1").headers["link"]


def test_what_cannot_be_certified(lab, draw):
    with pytest.raises(NotFound, match="no draw 'nothing'"):
        lab.keep_certificate({**FOUND, **draw, "draw": "nothing"})
    with pytest.raises(ParameterError, match="one of the two"):
        lab.keep_certificate({**FOUND, "sha256": draw["sha256"]})
    with pytest.raises(ParameterError, match="sha256"):
        lab.keep_certificate({**FOUND, **draw, "sha256": "xyz"})
    with pytest.raises(ParameterError, match="these are others"):
        lab.keep_certificate({**FOUND, **draw, "sha256": "0" * 64})
    with pytest.raises(ParameterError, match="suites"):
        lab.keep_certificate({**FOUND, **draw, "suites": ["diehard"]})


def test_the_suites_of_the_service_are_those_there_are():
    assert get_args(schemas.Suite) == tuple(certify.Suite)
