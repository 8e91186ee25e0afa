"""What is too large, too slow or too often; and what the service says of itself: metrics and logs."""

import json
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from labctl.client import Client
from labctl.core.errors import TooManyRequests
from labctl.ledger.engine import migrate, open_ledger
from labctl.ledger.values import Role

JOB = {"bench": "b1", "procedure": "look"}


def connect(url):
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    return connection, f"{host}:{port}"


@pytest.fixture
def small(serve):
    return serve(most_bytes=1000, most_agent_bytes=5000, body_seconds=0.5)


@pytest.mark.parametrize(("path", "most"), [("/v1/jobs", 1000), ("/v1/agent/jobs/nothing/records", 5000)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(small, path, most, chunked):
    def body(size):
        text = b"{" + b" " * (size - 2) + b"}"
        return iter([text[: size // 2], text[size // 2 :]]) if chunked else text

    with httpx.Client(base_url=small, trust_env=False) as client:
        answer = client.post(path, content=body(most + 1))
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:labctl:problem:content-too-large")
        assert f"{most:,} are the most" in answer.json()["detail"]
        assert client.post(path, content=body(most)).status_code == 422


def test_a_huge_body_is_refused_before_it_is_sent(small):
    connection, host = connect(small)
    with connection:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000000000\r\n\r\n"
        connection.sendall(head.encode())
        assert b"413" in connection.recv(100)


def test_a_body_that_does_not_come_is_given_up(small):
    connection, host = connect(small)
    with connection:
        connection.sendall(f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n{{".encode())
        before = time.monotonic()
        assert b"408" in connection.recv(100)
        assert time.monotonic() - before < 5


def test_a_long_wait_is_not_taken_for_a_slow_body(small):
    with httpx.Client(base_url=small, trust_env=False) as client:
        registration = {"agent": "a1", "origin": "simulated", "station_digest": "x", "roles": []}
        assert client.put("/v1/agent/benches/b1", json=registration).status_code == 200
        answer = client.post("/v1/agent/benches/b1/claim", json={"agent": "a1", "wait_seconds": 1.5}, timeout=20)
        assert answer.status_code == 204


def test_clients_that_never_finish_their_requests_keep_nobody_waiting(url):
    slow = []
    for _ in range(200):
        connection, host = connect(url)
        connection.sendall(f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Le".encode())
        slow.append(connection)
    before = time.monotonic()
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    assert time.monotonic() - before < 5
    for connection in slow:
        connection.close()


def test_who_asks_too_often_is_told_when_to_ask_again_and_others_are_served(serve, tmp_path):
    migrate(tmp_path)
    with open_ledger(tmp_path) as ledger:
        eager, calm = (ledger.keys.add(name, Role.VIEWER)[1] for name in ("eager", "calm"))
    url = serve(requests_per_minute=5)
    with Client(url, key=eager) as client:
        for _ in range(5):
            client.benches()
        with pytest.raises(TooManyRequests, match="eager asked more than 5 times"):
            client.benches()
    headers = {"Authorization": f"Bearer {eager}"}
    answer = httpx.get(f"{url}/v1/jobs", headers=headers, trust_env=False)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    with Client(url, key=calm) as client:
        client.benches()


def test_metrics_are_what_prometheus_reads_and_what_the_ledger_holds(raw, lab, agent, run, harvest):
    agent.segment(run.id, run.epoch, harvest(n_bits=4096))
    lab.draw(64, consumer="me", purpose="p", accept_simulated=True)
    raw.get("/v1/jobs/nothing")
    raw.get("/v1/no/such/place")
    answer = raw.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["labctl_jobs", "b1", "running"] == 1
    assert found["labctl_bits", "drawable", "simulated"] == 4096 - 64
    assert found["labctl_bits", "drawn", "simulated"] == 64
    assert found["labctl_bench_silent_seconds", "b1"] < 60
    assert found["labctl_request_seconds_count", "/v1/jobs/{job}", "404", "GET"] == 1
    assert found["labctl_request_seconds_count", "404", "GET", "none"] == 1


@pytest.fixture
def logged(tmp_path):
    """A service in a process of its own that logs JSON: its address, and a function that ends it for its log."""
    words = ["--home", str(tmp_path), "--port", "0", "--until-stdin-closes", "--log-format", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "labctl_server", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()

        def end():
            _, said = process.communicate(timeout=30)
            return [json.loads(line) for line in said.splitlines()]

        yield url, end
        if process.poll() is None:
            end()


def test_a_request_has_an_id_in_the_answer_and_in_the_log_and_no_secret_is_logged(logged):
    url, end = logged
    headers = {"Authorization": "Bearer labctl_hush", "X-Request-ID": "mine-1"}
    with httpx.Client(base_url=url, trust_env=False) as client:
        client.get("/healthz")
        assert client.get("/v1/jobs/abc?token=hush", headers=headers).headers["X-Request-ID"] == "mine-1"
        own = client.get("/v1/jobs/abc", headers={"X-Request-ID": 'x" injected'}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", own)
    lines = end()
    asked = [line for line in lines if line["logger"] == "labctl.server.access"]
    assert [(line["event"], line["status"], line["request"], line["job"]) for line in asked] == [
        ("GET /v1/jobs/abc", 401, "mine-1", "abc"),
        ("GET /v1/jobs/abc", 404, own, "abc"),
    ]
    assert all(line["milliseconds"] >= 0 for line in asked)
    assert "hush" not in json.dumps(lines)
