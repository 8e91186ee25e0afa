"""HTTP itself: every wrong request gets a problem with a sentence, every right one what OpenAPI says."""

import base64
import errno
import itertools
import json
import re
import sqlite3

import pytest
import sqlalchemy.exc

from labctl.ledger.engine import migrate
from labctl_server.app import create_app
from labctl_server.serving import serving
from labctl_server.settings import Settings


@pytest.fixture(scope="module")
def url(tmp_path_factory, catalogue):
    """One service for this whole file; nothing here minds what the others left."""
    home = tmp_path_factory.mktemp("home")
    migrate(home)
    with serving(create_app(Settings(home), catalogue)) as address:
        yield address


@pytest.fixture(scope="module")
def new_bits():
    """Eight bytes in base 64 that nobody deposited before."""
    numbers = itertools.count()
    return lambda: base64.b64encode(next(numbers).to_bytes(8, "big")).decode()


JOB = {"bench": "b1", "procedure": "look"}
DRAW = {"n_bits": 64, "consumer": "me", "purpose": "p", "accept_simulated": True}
BENCH = {"origin": "simulated", "station_digest": "x", "roles": []}
AGENT = "/v1/agent/jobs/nothing"

BAD = [
    ("GET", "/v1/nothing", None, 404, "not-found"),
    ("GET", "/v1/jobs/nothing", None, 404, "not-found"),
    ("GET", "/v1/jobs/nothing/records", None, 404, "not-found"),
    ("GET", "/v1/jobs/nothing/segments", None, 404, "not-found"),
    ("GET", "/v1/jobs/nothing/artifacts/x", None, 404, "not-found"),
    ("GET", "/v1/jobs/%00", None, 422, "invalid-request"),
    ("GET", "/v1/jobs?limit=0", None, 422, "invalid-request"),
    ("GET", "/v1/jobs?state=asleep", None, 422, "invalid-request"),
    ("GET", "/v1/jobs/nothing?wait=nan", None, 422, "invalid-request"),
    ("DELETE", "/v1/jobs", None, 405, "method-not-allowed"),
    ("POST", "/v1/jobs/nothing/cancel", None, 404, "not-found"),
    ("GET", "/v1/procedures/dance", None, 404, "part-not-found"),
    ("POST", "/v1/jobs", {}, 422, "invalid-request"),
    ("POST", "/v1/jobs", [], 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "prioritty": 1}, 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "bench": "b9"}, 404, "not-found"),
    ("POST", "/v1/jobs", {**JOB, "bench": "../x"}, 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "procedure": "dance"}, 404, "part-not-found"),
    ("POST", "/v1/jobs", {**JOB, "procedure": "sweep"}, 202, None),
    ("POST", "/v1/jobs", {**JOB, "parameters": {"a": 1}}, 422, "parameter-error"),
    ("POST", "/v1/jobs", {**JOB, "owner": "\ud800"}, 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "owner": "a\x00b"}, 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "owner": ""}, 422, "invalid-request"),
    ("POST", "/v1/jobs", {**JOB, "on_interrupt": "maybe"}, 422, "invalid-request"),
    ("POST", "/v1/draws", {**DRAW, "n_bits": 12}, 422, "parameter-error"),
    ("POST", "/v1/draws", {**DRAW, "n_bits": 0}, 422, "invalid-request"),
    ("POST", "/v1/draws", {**DRAW, "n_bits": 10**30}, 422, "invalid-request"),
    ("POST", "/v1/draws", DRAW, 409, "not-enough-bits"),
    ("GET", "/v1/draws/nothing", None, 404, "not-found"),
    ("GET", "/v1/draws/nothing/bits", None, 404, "not-found"),
    ("GET", "/v1/segments/abc/bits", None, 422, "invalid-request"),
    ("GET", f"/v1/segments/{'0' * 64}/bits", None, 404, "not-found"),
    ("PUT", "/v1/agent/benches/b1", {"agent": "x"}, 422, "invalid-request"),
    ("POST", "/v1/agent/benches/b9/claim", {"agent": "a1"}, 404, "not-found"),
    ("POST", "/v1/agent/benches/b1/claim", {"agent": "a2"}, 409, "lease-lost"),
    ("PUT", "/v1/agent/benches/idle", {**BENCH, "agent": "a1"}, 200, None),
    ("POST", "/v1/agent/benches/idle/claim", {"agent": "a1"}, 204, None),
    ("POST", f"{AGENT}/heartbeat", {"epoch": 1}, 404, "not-found"),
    ("POST", f"{AGENT}/finish", {"epoch": 1, "outcome": "queued"}, 422, "invalid-request"),
    ("POST", f"{AGENT}/records", {"epoch": 1, "first_sequence": -1, "records": []}, 422, "invalid-request"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind"), BAD, ids=lambda value: str(value)[:60])
def test_every_wrong_request_gets_its_problem(method, path, body, status, kind, raw, agent):
    content = None if body is None else json.dumps(body)
    answer = raw.request(method, path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    if kind is not None:
        assert answer.headers["content-type"] == "application/problem+json"
        said = answer.json()
        assert (said["type"], said["status"]) == (f"urn:labctl:problem:{kind}", status)
        assert len(said["detail"]) > 20


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"nul", b"[" * 100_000, b'{"bench": NaN}'])
def test_what_is_no_json_is_refused(content, raw):
    answer = raw.post("/v1/jobs", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({}, 201, ""),
        ({"bits": "not base 64"}, 422, "base 64"),
        ({"n_bits": 9}, 422, "packed bits"),
        ({"n_bits": 7}, 422, "unused bits"),
        ({"n_bits": 0, "bits": ""}, 409, "at least one bit"),
        ({"origin": "hardware"}, 409, "registered as simulated"),
        ({"epoch": 99}, 409, "Make the instruments safe"),
        ({"details": {"a": [1]}}, 422, "no finite scalar"),
    ],
    ids=str,
)
def test_a_deposit_must_be_whole(change, status, said, raw, run):
    body = {"row": 0, "col": 0, "healthy": True, "origin": "simulated", "n_bits": 8, "bits": "/w==", **change}
    answer = raw.post(f"/v1/agent/jobs/{run.id}/segments", json={"epoch": run.epoch, **body})
    assert answer.status_code == status, answer.text
    assert said in answer.text


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".hidden", "a\nb"])
def test_a_file_cannot_be_named_like_a_path(name, raw, run):
    body = {"epoch": run.epoch, "name": name, "media_type": "text/plain", "content": ""}
    assert raw.post(f"/v1/agent/jobs/{run.id}/artifacts", json=body).status_code == 422


def test_an_order_says_where_the_job_is(raw, agent):
    answer = raw.post("/v1/jobs", json=JOB)
    assert answer.status_code == 202
    assert raw.get(answer.headers["location"]).json()["id"] == answer.json()["id"]


def test_a_list_leads_on(raw, agent):
    raw.put("/v1/agent/benches/listed", json={**BENCH, "agent": "a1"})
    every = [raw.post("/v1/jobs", json={**JOB, "bench": "listed"}).json()["id"] for _ in range(5)]
    found, path = [], "/v1/jobs?limit=2&bench=listed"
    while path:
        answer = raw.get(path)
        found += [job["id"] for job in answer.json()]
        path = answer.links.get("next", {}).get("url")
    assert found == every[::-1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8000"}, 421),
        ({"host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
    ],
    ids=str,
)
def test_pages_of_others_are_kept_out(headers, status, raw):
    assert raw.get("/v1/jobs", headers=headers).status_code == status


def test_a_file_that_is_a_page_cannot_act_as_ours(raw, run):
    body = {"epoch": run.epoch, "name": "x.html", "media_type": "text/html", "content": "PGI+"}
    assert raw.post(f"/v1/agent/jobs/{run.id}/artifacts", json=body).status_code == 201
    answer = raw.get(f"/v1/jobs/{run.id}/artifacts/x.html")
    assert (answer.text, answer.headers["content-security-policy"]) == ("<b>", "sandbox")


def test_the_pages_need_nothing_from_elsewhere(raw, agent):
    home = raw.get("/")
    assert home.status_code == 200
    assert "b1" in home.text
    docs = raw.get("/docs").text
    linked = re.findall(r'(?:src|href)="([^"]+)"', docs)
    assert len([link for link in linked if link.startswith("/static/")]) == 2
    for link in linked:
        assert link.startswith(("/", "data:")), link
        if link.startswith("/"):
            assert raw.get(link).status_code == 200


def test_openapi_describes_every_route_with_words_and_an_example(raw):
    document = raw.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"], (method, path)
            assert operation.get("description"), (method, path)
    for name in ("JobRequest", "DrawRequest", "Problem"):
        assert document["components"]["schemas"][name]["examples"]


def test_health(raw):
    assert raw.get("/healthz").json()["status"] == "ok"
    ready = raw.get("/readyz").json()
    assert (ready["status"], ready["database"]) == ("ok", "sqlite")


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def sqlite_full(*_, **__):
    raise sqlalchemy.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


def locked(*_, **__):
    raise sqlalchemy.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))


def mistake(*_, **__):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("place", "fault", "status", "kind"),
    [
        ("labctl.ledger.files.os.fsync", full, 507, "disk-full"),
        ("labctl.ledger.bits.next_id", sqlite_full, 507, "disk-full"),
        ("labctl.ledger.bits.next_id", full, 507, "disk-full"),
        ("labctl.ledger.bits.next_id", locked, 503, "database-error"),
        ("labctl.ledger.bits.next_id", mistake, 500, "internal-error"),
    ],
)
def test_trouble_below_is_told_as_a_problem_and_leaves_nothing(
    place, fault, status, kind, raw, run, new_bits, monkeypatch
):
    body = {"epoch": run.epoch, "row": 0, "col": 0, "healthy": True, "origin": "simulated", "n_bits": 64}
    body["bits"] = new_bits()
    with monkeypatch.context() as patched:  # the service runs in a thread of this process
        patched.setattr(place, fault)
        answer = raw.post(f"/v1/agent/jobs/{run.id}/segments", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:labctl:problem:{kind}"
    assert raw.get(f"/v1/jobs/{run.id}/segments").json() == []
    assert raw.post(f"/v1/agent/jobs/{run.id}/segments", json=body).status_code == 201
