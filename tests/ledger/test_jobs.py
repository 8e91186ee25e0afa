"""Jobs: ordered once, run one at a time by whoever holds the bench, never rerun unasked."""

import itertools
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from labctl.core.bits import Origin
from labctl.core.errors import IllegalTransition, LeaseLost, NotFound, ParameterError
from labctl.core.procedure import Progress
from labctl.ledger.ids import next_id
from labctl.ledger.states import ACTIVE, FINAL, TRANSITIONS, transition
from labctl.ledger.tables import benches, jobs
from labctl.ledger.values import OnInterrupt, State

LEASE_SECONDS = 15.0


def kinds(ledger, job):
    return [event.kind for event in ledger.jobs.events(job)]


def test_a_job_goes_from_the_queue_to_its_end_and_every_step_is_an_event(bench, clock):
    job = bench.jobs.submit("b1", "iv", {"volts": 0.1})
    assert job.state == State.QUEUED
    claimed = bench.leases.claim("b1", "a1", LEASE_SECONDS)
    assert (claimed.id, claimed.state, claimed.epoch) == (job.id, State.CLAIMED, 1)
    run = bench.leases.start(job.id, 1, {"station": "demo"})
    assert (run.number, run.provenance, run.outcome) == (1, {"station": "demo"}, None)
    assert bench.leases.heartbeat(job.id, 1, Progress(3, 10, "points")) is False
    clock.pass_by(1)
    ended = bench.leases.finish(job.id, 1, State.SUCCEEDED)
    assert (ended.state, ended.done, ended.total, ended.unit) == (State.SUCCEEDED, 3, 10, "points")
    assert ended.ended_at == clock()
    assert bench.runs.of(job.id)[0].outcome == State.SUCCEEDED
    assert kinds(bench, job.id) == ["queued", "claimed", "running", "succeeded"]


def test_higher_priority_goes_first_and_then_the_older(bench):
    wanted = [bench.jobs.submit("b1", "p", {"n": n}, priority=priority).id for n, priority in enumerate([0, 5, 0, 5])]
    order = []
    for epoch in range(1, 5):
        job = bench.leases.claim("b1", "a1", LEASE_SECONDS)
        order.append(job.id)
        bench.leases.finish(job.id, epoch, State.CANCELLED)
    assert order == [wanted[1], wanted[3], wanted[0], wanted[2]]


def test_a_claim_can_name_its_job(bench):
    bench.jobs.submit("b1", "p", {})
    second = bench.jobs.submit("b1", "p", {})
    assert bench.leases.claim("b1", "a1", LEASE_SECONDS, job=second.id).id == second.id


def test_a_bench_has_one_job_at_a_time_and_the_schema_says_so(bench):
    first, second = (bench.jobs.submit("b1", "p", {}) for _ in range(2))
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.leases.start(first.id, 1, {})
    assert bench.leases.claim("b1", "a1", LEASE_SECONDS) is None
    with pytest.raises(IntegrityError), bench.database.write() as connection:
        connection.execute(jobs.update().where(jobs.c.id == second.id).values(state=State.RUNNING))


def test_a_claim_whose_answer_was_lost_gives_the_same_job_again(bench):
    bench.jobs.submit("b1", "p", {})
    first = bench.leases.claim("b1", "a1", LEASE_SECONDS)
    again = bench.leases.claim("b1", "a1", LEASE_SECONDS)
    assert (first.id, first.epoch) == (again.id, again.epoch)


def test_the_same_key_and_request_make_one_job(bench):
    order = {"bench": "b1", "procedure": "p", "parameters": {"a": 1, "b": 2}, "owner": "me", "idempotency_key": "k"}
    first = bench.jobs.submit(**order)
    assert bench.jobs.submit(**{**order, "parameters": {"b": 2, "a": 1}}) == first
    assert bench.jobs.submit(**{**order, "owner": "you"}).id != first.id
    with pytest.raises(ParameterError, match="another request"):
        bench.jobs.submit(**{**order, "priority": 1})


def test_submitting_at_once_with_one_key_makes_one_job(bench):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(bench.jobs.submit("b1", "p", {}, idempotency_key="k").id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_an_unknown_bench_is_refused_with_those_known(bench):
    with pytest.raises(NotFound, match="known are: b1"):
        bench.jobs.submit("b2", "p", {})
    with pytest.raises(NotFound, match="known are: b1"):
        bench.leases.claim("b2", "a1", LEASE_SECONDS)


def test_cancelling_a_waiting_job_ends_it_and_an_active_one_is_asked(bench):
    waiting, active = bench.jobs.submit("b1", "p", {}), bench.jobs.submit("b1", "p", {}, priority=1)
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    assert bench.jobs.cancel(waiting.id).state == State.CANCELLED
    assert bench.jobs.cancel(waiting.id).state == State.CANCELLED
    assert bench.jobs.cancel(active.id).cancel_requested
    assert bench.leases.heartbeat(active.id, 1) is True
    bench.leases.finish(active.id, 1, State.CANCELLED)
    bench.jobs.cancel(active.id)
    assert kinds(bench, active.id) == ["queued", "claimed", "cancel_requested", "cancelled"]
    done = bench.jobs.submit("b1", "p", {})
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.leases.finish(done.id, 2, State.FAILED, "it broke")
    with pytest.raises(IllegalTransition, match="submit a new job"):
        bench.jobs.cancel(done.id)


def agent_restarts(ledger, clock):
    ledger.leases.register("b1", "a2", Origin.HARDWARE, "sha256:0", ["smu"])


def agent_falls_silent(ledger, clock):
    clock.pass_by(LEASE_SECONDS + 1)
    assert len(ledger.leases.reap()) == 1


def agent_gives_up(ledger, clock):
    job = ledger.jobs.recent(state=State.RUNNING)[0]
    ledger.leases.finish(job.id, job.epoch, State.INTERRUPTED, "it was told to stop")


LOSSES = [agent_restarts, agent_falls_silent, agent_gives_up]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_job_whose_agent_is_lost_is_held_and_says_how_far_it_was(lose, running, bench, clock):
    bench.leases.heartbeat(running.id, 1, Progress(7, 9, "pulses"))
    lose(bench, clock)
    lost = bench.jobs.get(running.id)
    assert lost.state == State.INTERRUPTED
    assert "7 of 9 pulses" in lost.error
    assert bench.runs.of(running.id)[0].outcome == State.INTERRUPTED
    assert bench.leases.claim("b1", bench.jobs.bench("b1").agent, LEASE_SECONDS) is None


@pytest.mark.parametrize("lose", LOSSES)
def test_a_job_that_allows_it_is_started_again_under_a_new_claim(lose, bench, clock):
    job = bench.jobs.submit("b1", "p", {}, on_interrupt=OnInterrupt.RESTART)
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.leases.start(job.id, 1, {})
    lose(bench, clock)
    assert bench.jobs.get(job.id).state == State.QUEUED
    again = bench.leases.claim("b1", bench.jobs.bench("b1").agent, LEASE_SECONDS)
    assert (again.id, again.epoch) == (job.id, 2)
    assert bench.leases.start(job.id, 2, {}).number == 2
    assert [run.outcome for run in bench.runs.of(job.id)] == [State.INTERRUPTED, None]


def test_a_cancelled_job_is_not_started_again(bench, clock):
    job = bench.jobs.submit("b1", "p", {}, on_interrupt=OnInterrupt.RESTART)
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.jobs.cancel(job.id)
    agent_falls_silent(bench, clock)
    assert bench.jobs.get(job.id).state == State.INTERRUPTED


def test_a_heartbeat_keeps_the_lease(running, bench, clock):
    for _ in range(5):
        clock.pass_by(LEASE_SECONDS - 1)
        assert bench.leases.reap() == []
        bench.leases.heartbeat(running.id, 1)
    assert bench.jobs.get(running.id).state == State.RUNNING


LATE = {
    "start": lambda ledger, job: ledger.leases.start(job, 1, {}),
    "heartbeat": lambda ledger, job: ledger.leases.heartbeat(job, 1),
    "records": lambda ledger, job: ledger.runs.append_records(job, 1, 0, []),
    "finish": lambda ledger, job: ledger.leases.finish(job, 1, State.SUCCEEDED),
}


@pytest.mark.parametrize("word", LATE)
@pytest.mark.parametrize("on_interrupt", OnInterrupt)
def test_whatever_an_agent_says_after_it_lost_its_lease_is_refused(word, on_interrupt, bench, clock):
    job = bench.jobs.submit("b1", "p", {}, on_interrupt=on_interrupt)
    bench.leases.claim("b1", "a1", LEASE_SECONDS)
    bench.leases.start(job.id, 1, {})
    agent_falls_silent(bench, clock)
    bench.leases.claim("b1", "a1", LEASE_SECONDS)  # the same job under epoch 2, if it may restart
    with pytest.raises(LeaseLost, match="safe"):
        LATE[word](bench, job.id)


def test_an_agent_that_lost_its_bench_can_claim_nothing(bench):
    bench.jobs.submit("b1", "p", {})
    bench.leases.register("b1", "a2", Origin.HARDWARE, "sha256:0", [])
    with pytest.raises(LeaseLost, match="belongs to agent a2"):
        bench.leases.claim("b1", "a1", LEASE_SECONDS)


def test_starting_and_finishing_twice_is_harmless(running, bench):
    assert bench.leases.start(running.id, 1, {}) == bench.leases.start(running.id, 1, {})
    first = bench.leases.finish(running.id, 1, State.FAILED, "no light")
    assert bench.leases.finish(running.id, 1, State.FAILED, "no light") == first
    with pytest.raises(LeaseLost):
        bench.leases.finish(running.id, 1, State.SUCCEEDED)


def test_a_job_that_nobody_claims_in_time_expires(bench, clock):
    job = bench.jobs.submit("b1", "p", {}, expires_seconds=60)
    clock.pass_by(61)
    assert bench.leases.claim("b1", "a1", LEASE_SECONDS) is None
    assert [changed.state for changed in bench.leases.reap()] == [State.EXPIRED]
    assert bench.jobs.get(job.id).state == State.EXPIRED


def test_a_list_goes_on_before_its_last(bench):
    every = [bench.jobs.submit("b1", "p", {"n": n}).id for n in range(5)]
    first = bench.jobs.recent(limit=2)
    rest = bench.jobs.recent(before=first[-1].id)
    assert [job.id for job in [*first, *rest]] == every[::-1]
    assert bench.jobs.recent(state=State.RUNNING) == []


def test_the_table_of_transitions_is_what_happens(bench):
    job = bench.jobs.submit("b1", "p", {}).id

    def move(source, target):
        with bench.database.write() as connection:
            connection.execute(jobs.update().where(jobs.c.id == job).values(state=source))
        with bench.database.write() as connection:
            transition(connection, job, target, at=bench.database.now())

    for source, target in itertools.product(State, State):
        if target in TRANSITIONS[source]:
            move(source, target)
            assert bench.jobs.get(job).state == target
        else:
            with pytest.raises(IllegalTransition, match=f"is {source}"):
                move(source, target)
            assert bench.jobs.get(job).state == source


def test_what_is_final_stays_so():
    assert FINAL | ACTIVE | {State.QUEUED} == set(State)
    assert not FINAL & ACTIVE


def test_names_rise_though_the_clock_stands_still_or_steps_back(clock):
    names = []
    for step in (0, 0, 0, -100, 0):
        clock.pass_by(step)
        names.append(next_id(clock(), names[-1] if names else None))
    assert names == sorted(names)
    assert len(set(names)) == 5
    assert {len(name) for name in names} == {16}


def test_a_write_that_fails_leaves_nothing(bench):
    def fail():
        with bench.database.write() as connection:
            connection.execute(sa.delete(benches))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    bench.jobs.submit("b1", "p", {})
    assert len(bench.jobs.recent()) == 1
