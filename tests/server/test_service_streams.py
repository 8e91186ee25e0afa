"""Following jobs: all of it, once, in order, however often the connection breaks."""

import itertools
import json
import threading

import httpx
import pytest

from labctl.core.errors import NotFound
from labctl.core.procedure import Progress, Record
from labctl.ledger.watch import MOST


def parts(text):
    """(event, id, data) of every server-sent event in ``text``."""
    for block in text.split("\n\n"):
        said = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if said:
            yield said.get("event"), said.get("id"), json.loads(said["data"])


def measure(agent, job, count, first=0):
    rows = [Record.of("point", number=first + i) for i in range(count)]
    agent.records(job.id, job.epoch, first, rows)


def numbers(news):
    return [each.data["values"]["number"] for each in news if each.kind == "record"]


def test_a_job_is_followed_from_order_to_end_while_it_runs(lab, agent):
    ordered = lab.submit("look", bench="b1")
    seen = []
    watcher = threading.Thread(target=lambda: seen.extend(lab.watch(ordered.id)))
    watcher.start()
    job = agent.claim("b1")
    agent.start(job.id, job.epoch, {})
    for first in range(0, 50, 10):
        measure(agent, job, 10, first)
        agent.heartbeat(job.id, job.epoch, Progress(first + 10, 50, "points"))
    agent.finish(job.id, job.epoch, "succeeded")
    watcher.join(20)
    assert not watcher.is_alive()
    assert [each.data["kind"] for each in seen if each.kind == "event"] == ["queued", "claimed", "running", "succeeded"]
    assert numbers(seen) == list(range(50))
    done = [each.data["done"] for each in seen if each.kind == "progress"]
    assert done == sorted(done)
    assert done[-1] == 50
    assert (seen[-1].kind, seen[-1].data["state"]) == ("end", "succeeded")


@pytest.fixture
def ended(lab, agent):
    """A job with 25 records whose first attempt was interrupted: two runs."""
    lab.submit("look", bench="b1", on_interrupt="restart")
    for outcome, count in (("interrupted", 10), ("succeeded", 15)):
        job = agent.claim("b1")
        agent.start(job.id, job.epoch, {})
        measure(agent, job, count)
        agent.finish(job.id, job.epoch, outcome)
    return job


def test_behind_every_mark_comes_the_rest_and_nothing_twice(lab, ended):
    whole = list(lab.watch(ended.id))
    assert numbers(whole) == [*range(10), *range(15)]
    for place, each in enumerate(whole):
        if each.mark and each.kind != "progress":
            rest = [later.mark for later in whole[place + 1 :] if later.kind != "progress"]
            # behind the end there is the end again: a browser that comes back is told so at once
            assert [again.mark for again in lab.watch(ended.id, each.mark)] == (rest or [each.mark])


def test_more_records_than_one_look_takes_come_in_order(lab, agent, run):
    count = 2 * MOST + 7
    measure(agent, run, count)
    agent.finish(run.id, run.epoch, "succeeded")
    assert numbers(lab.watch(run.id)) == list(range(count))


def test_a_broken_connection_is_taken_up_again(lab, ended, monkeypatch):
    """The connection breaks after every third event; five breaks without any news would end it."""
    from labctl.client import http

    real = http.connect_sse

    class Breaking:
        def __init__(self, *words, **more):
            self._real = real(*words, **more)

        def __enter__(self):
            source = self._real.__enter__()
            events = source.iter_sse

            def few():
                yield from itertools.islice(events(), 3)
                raise httpx.ReadError("cut")

            source.iter_sse = few
            return source

        def __exit__(self, *error):
            return self._real.__exit__(*error)

    whole = [each.mark for each in lab.watch(ended.id)]
    monkeypatch.setattr(http, "connect_sse", Breaking)
    assert [each.mark for each in lab.watch(ended.id)] == whole


def test_what_cannot_be_followed_is_a_problem_and_no_stream(lab, raw, run):
    assert raw.get("/v1/jobs/nothing/stream").status_code == 404
    for mark in ("x", "1", "1.1.1.1", "-1.1.1", "1.1." + "9" * 30):
        answer = raw.get(f"/v1/jobs/{run.id}/stream", headers={"Last-Event-ID": mark})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:labctl:problem:parameter-error")
    with pytest.raises(NotFound, match="labctl jobs"):
        next(lab.watch("nothing"))


def test_the_states_of_all_jobs_are_followed_from_any_event(lab, raw, agent):
    first, second = (lab.submit("look", bench="b1").id for _ in range(2))
    every = raw.get("/v1/events").json()
    assert [(each["job"], each["kind"]) for each in every] == [(first, "queued"), (second, "queued")]
    assert raw.get(f"/v1/events?after={every[0]['seq']}").json() == every[1:]
    with raw.stream("GET", "/v1/events/stream", headers={"Last-Event-ID": str(every[0]["seq"])}) as stream:
        lines = stream.iter_lines()
        lab.cancel(first)
        found = [json.loads(line[6:]) for line in itertools.islice((x for x in lines if x.startswith("data:")), 2)]
    assert [(each["job"], each["kind"]) for each in found] == [(second, "queued"), (first, "cancelled")]
