"""Jobs over HTTP: ordered with the client, run by an agent that speaks the protocol, seen by everybody."""

import threading

import numpy as np
import pytest

from labctl.client import AgentClient, Client
from labctl.core.bits import Origin
from labctl.core.errors import IllegalTransition, LeaseLost, NotFound, ParameterError, PartNotFound, ServiceError
from labctl.core.procedure import Artifact, Progress, Record


def test_a_job_goes_all_the_way(lab, agent):
    job = lab.submit("sweep", {"points": 5}, bench="b1", owner="me", priority=3)
    assert (job.state, job.parameters, job.owner, job.priority) == ("queued", {"points": 5}, "me", 3)
    claimed = agent.claim("b1")
    assert (claimed.id, claimed.procedure, claimed.parameters, claimed.lease_seconds) == (
        job.id,
        "sweep",
        {"points": 5},
        5.0,
    )
    agent.start(job.id, claimed.epoch, {"station": {"digest": "x"}, "temperature": None})
    batch = [Record.of("point", volts=np.float64(0.1), amps=float("nan"), n=np.int64(1)), Record.of("fit", slope=2.0)]
    assert agent.records(job.id, claimed.epoch, 0, batch) == 2
    assert agent.records(job.id, claimed.epoch, 0, batch) == 2
    agent.artifact(job.id, claimed.epoch, Artifact("plot.png", "image/png", b"\x89PNG\x00"))
    beat = agent.heartbeat(job.id, claimed.epoch, Progress(2, 5, "points"))
    assert (beat.cancel, beat.lease_seconds) == (False, 5.0)
    assert lab.job(job.id).done == 2
    agent.finish(job.id, claimed.epoch, "succeeded")
    ended = lab.wait(job.id, 5)
    assert (ended.state, ended.ended) == ("succeeded", True)
    frame = lab.records(job.id)
    assert list(frame["kind"]) == ["point", "fit"]
    assert lab.records(job.id, "point")["volts"].tolist() == [0.1]
    assert lab.records(job.id, "point")["amps"].isna().all()
    assert [(a.name, a.media_type, a.n_bytes) for a in lab.artifacts(job.id)] == [("plot.png", "image/png", 5)]
    assert lab.artifact(job.id, "plot.png") == b"\x89PNG\x00"
    assert [event.kind for event in lab.events(job.id)] == ["queued", "claimed", "running", "succeeded"]
    assert lab.runs(job.id)[0].provenance == {"station": {"digest": "x"}, "temperature": None}
    assert [found.id for found in lab.jobs(state="succeeded", bench="b1")] == [job.id]
    assert lab.jobs(state="queued") == []


def test_a_claim_waits_for_a_job_and_is_woken_by_it(lab, agent):
    got = []
    thread = threading.Thread(target=lambda: got.append(agent.claim("b1", wait_seconds=20)))
    thread.start()
    job = lab.submit("look", bench="b1")
    thread.join(5)
    assert not thread.is_alive()
    assert got[0].id == job.id
    assert agent.claim("b1", wait_seconds=0.1).id == job.id  # not started yet: the answer may have been lost


def test_an_idle_bench_gets_nothing(agent):
    assert agent.claim("b1", wait_seconds=0.3) is None


def test_an_agent_that_hung_up_gets_no_job(lab, agent, url):
    with AgentClient(url, "a1") as gone, pytest.raises(ServiceError):
        # a client that gives up long before the service does
        gone._http.request(
            "POST",
            "/v1/agent/benches/b1/claim",
            repeatable=False,
            body={"agent": "a1", "wait_seconds": 30},
            timeout_seconds=0.3,
        )
    gone.close()
    threading.Event().wait(0.6)  # two polls of the service
    job = lab.submit("look", bench="b1")
    threading.Event().wait(0.4)
    assert lab.job(job.id).state == "queued"


def test_waiting_ends_with_the_job_and_tells_of_progress(lab, agent, run):
    seen = []
    thread = threading.Thread(target=lambda: lab.wait(run.id, 20, on_progress=lambda job: seen.append(job.done)))
    thread.start()
    agent.heartbeat(run.id, run.epoch, Progress(1, 2))
    agent.finish(run.id, run.epoch, "failed", "the lamp is out")
    thread.join(5)
    assert not thread.is_alive()
    assert seen[-1] == 1
    assert lab.job(run.id).error == "the lamp is out"


def test_waiting_too_short_says_that_the_job_goes_on(lab, run):
    with pytest.raises(ServiceError, match=r"still running.*it goes on"):
        lab.wait(run.id, 0.2)


def test_cancelling_reaches_the_agent_with_its_next_beat(lab, agent, run):
    assert lab.cancel(run.id).cancel_requested
    assert agent.heartbeat(run.id, run.epoch).cancel is True
    agent.finish(run.id, run.epoch, "cancelled")
    assert lab.wait(run.id).state == "cancelled"
    lab.cancel(run.id)


def test_a_job_that_failed_cannot_be_cancelled(lab, agent, run):
    agent.finish(run.id, run.epoch, "failed", "x")
    with pytest.raises(IllegalTransition, match="is failed"):
        lab.cancel(run.id)


def test_a_key_makes_one_job(lab, agent):
    first = lab.submit("look", bench="b1", idempotency_key="k1")
    assert lab.submit("look", bench="b1", idempotency_key="k1").id == first.id
    assert lab.submit("look", bench="b1").id != first.id
    with pytest.raises(ParameterError, match="another request"):
        lab.submit("look", {"points": 9}, bench="b1", idempotency_key="k1")


@pytest.mark.parametrize(
    ("order", "error", "said"),
    [
        ({"procedure": "dance", "bench": "b1"}, PartNotFound, "known are: look, sweep"),
        ({"procedure": "look", "bench": "b9"}, NotFound, "known are: b1"),
        ({"procedure": "look", "bench": "b1", "parameters": {"colour": 1}}, ParameterError, "colour"),
        ({"procedure": "look", "bench": "b1", "priority": 10**6}, ParameterError, "priority"),
        ({"procedure": "look", "bench": "b1", "parameters": {"points": float("inf")}}, ParameterError, "finite"),
        ({"procedure": "look", "bench": "b1", "parameters": {"points": "\x00"}}, ParameterError, "NUL"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_a_remedy(order, error, said, lab, agent):
    with pytest.raises(error, match=said):
        lab.submit(**order)
    assert lab.jobs() == []


def test_a_bench_that_lacks_a_role_is_named_with_what_it_has(lab, agent):
    agent.register("b2", origin=Origin.HARDWARE, station_digest="x", roles=["array"])
    with pytest.raises(ParameterError, match="needs smu, array; the bench b2 has array and lacks smu"):
        lab.submit("sweep", bench="b2")
    assert [(bench.name, bench.origin, bench.roles) for bench in lab.benches()] == [
        ("b1", "simulated", ["array", "smu"]),
        ("b2", "hardware", ["array"]),
    ]


def test_an_agent_that_comes_back_finds_its_old_job_interrupted(lab, agent, run, url):
    agent.heartbeat(run.id, run.epoch, Progress(40, 100, "pulses"))
    with AgentClient(url) as second:
        second.register("b1", origin=Origin.SIMULATED, station_digest="sha256:0", roles=["smu", "array"])
        lost = lab.job(run.id)
        assert lost.state == "interrupted"
        assert "40 of 100 pulses" in lost.error
        for say in (
            lambda: agent.heartbeat(run.id, run.epoch),
            lambda: agent.records(run.id, run.epoch, 0, []),
            lambda: agent.finish(run.id, run.epoch, "succeeded"),
            lambda: agent.claim("b1"),
        ):
            with pytest.raises(LeaseLost):
                say()
        job = lab.submit("look", bench="b1")
        assert second.claim("b1").id == job.id


@pytest.mark.parametrize(("on_interrupt", "expected"), [("hold", "interrupted"), ("restart", "queued")])
def test_an_agent_that_falls_silent_loses_its_job(on_interrupt, expected, serve):
    url = serve(lease_seconds=0.5)
    with Client(url) as lab, AgentClient(url, "a1") as agent:
        agent.register("b1", origin=Origin.SIMULATED, station_digest="x", roles=[])
        job = lab.submit("look", bench="b1", on_interrupt=on_interrupt)
        claimed = agent.claim("b1")
        agent.start(job.id, claimed.epoch, {})
        for _ in range(50):
            if lab.job(job.id).state == expected:
                break
            threading.Event().wait(0.1)
        assert lab.job(job.id).state == expected
        with pytest.raises(LeaseLost):
            agent.heartbeat(job.id, claimed.epoch)


def test_jobs_outlive_the_service(serve):
    with Client(serve()) as lab, AgentClient(lab._http.base_url, "a1") as agent:
        agent.register("b1", origin=Origin.SIMULATED, station_digest="x", roles=[])
        job = lab.submit("look", bench="b1")
    with Client(serve()) as lab:
        assert lab.job(job.id).state == "queued"


def test_procedures_are_listed_with_their_schema(lab):
    assert [procedure["name"] for procedure in lab.procedures()] == ["look", "sweep"]
    assert lab.procedure("sweep")["roles"] == ["smu", "array"]
    assert "points" in lab.procedure("sweep")["schema"]["properties"]


def test_a_service_that_is_not_there_is_named():
    with Client("http://127.0.0.1:9") as lab, pytest.raises(ServiceError, match=r"127\.0\.0\.1:9.*labctl serve"):
        lab.jobs()


def test_a_result_that_json_cannot_carry_is_refused_before_it_is_sent(agent, run):
    with pytest.raises(ParameterError, match="finite"):
        agent.records(run.id, run.epoch, 0, [Record.of("point", amps=float("inf"))])
