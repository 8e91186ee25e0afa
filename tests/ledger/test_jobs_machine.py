"""Agents that claim, forget, come back and lie, in any order: the ledger's promises hold after every step."""

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from labctl.core.bits import Origin
from labctl.core.errors import IllegalTransition, LeaseLost
from labctl.ledger.engine import open_ledger
from labctl.ledger.states import ACTIVE, FINAL, TRANSITIONS
from labctl.ledger.values import OnInterrupt, State

LEASE_SECONDS = 15.0
WORDS = [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED, State.QUEUED]


def machine(template, clock):
    """The machine for a ledger that starts as a copy of ``template``."""

    class Lab(RuleBasedStateMachine):
        jobs = Bundle("jobs")
        claims = Bundle("claims")

        @initialize()
        def open(self):
            self.home = Path(tempfile.mkdtemp(prefix="labctl-machine-"))
            shutil.copyfile(template, self.home / "labctl.db")
            self.ledger = open_ledger(self.home, now=clock)
            self.agents = 0
            self.epochs = {}
            self.register()

        def teardown(self):
            if hasattr(self, "ledger"):
                self.ledger.close()
                shutil.rmtree(self.home)

        @rule()
        def register(self):
            self.agents += 1
            self.ledger.leases.register("b1", f"a{self.agents}", Origin.HARDWARE, "x", [])

        @rule(target=jobs, on_interrupt=st.sampled_from(OnInterrupt), priority=st.integers(0, 1))
        def submit(self, on_interrupt, priority):
            return self.ledger.jobs.submit("b1", "p", {}, on_interrupt=on_interrupt, priority=priority).id

        @rule(target=claims, start=st.booleans())
        def claim(self, start):
            found = self.ledger.leases.claim("b1", f"a{self.agents}", LEASE_SECONDS)
            if found is None:
                return multiple()
            self.epochs.setdefault(found.epoch, found.id)
            assert self.epochs[found.epoch] == found.id
            if start:
                self.ledger.leases.start(found.id, found.epoch, {})
            return (found.id, found.epoch)

        @rule(claim=claims, word=st.sampled_from(["start", "heartbeat", "records", *WORDS]))
        def say(self, claim, word):
            job, epoch = claim
            before = self.ledger.jobs.get(job)
            mine = before.epoch == epoch and before.state in ACTIVE
            leases = self.ledger.leases
            try:
                match word:
                    case "start":
                        leases.start(job, epoch, {})
                    case "heartbeat":
                        leases.heartbeat(job, epoch)
                    case "records":
                        self.ledger.runs.append_records(job, epoch, 0, [])
                    case outcome:
                        leases.finish(job, epoch, outcome)
            except LeaseLost:
                assert not mine
                assert self.ledger.jobs.get(job) == before
            except IllegalTransition:
                assert self.ledger.jobs.get(job) == before
            else:
                assert mine or before.state == word

        @rule(job=jobs)
        def cancel(self, job):
            before = self.ledger.jobs.get(job)
            if before.state in FINAL - {State.CANCELLED}:
                with pytest.raises(IllegalTransition):
                    self.ledger.jobs.cancel(job)
            else:
                after = self.ledger.jobs.cancel(job)
                assert after.cancel_requested or after.state == State.CANCELLED

        @rule(seconds=st.sampled_from([1.0, 20.0]))
        def time_goes_by(self, seconds):
            clock.pass_by(seconds)
            self.ledger.leases.reap()

        @invariant()
        def promises(self):
            if not hasattr(self, "ledger"):
                return
            every = self.ledger.jobs.recent()
            assert sum(job.state in ACTIVE for job in every) <= 1
            for job in every:
                kinds = [event.kind for event in self.ledger.jobs.events(job.id) if event.kind != "cancel_requested"]
                assert kinds[-1] == job.state
                assert all(State(after) in TRANSITIONS[State(before)] for before, after in itertools.pairwise(kinds))
                attempts = self.ledger.runs.of(job.id)
                # no attempt without a start, no start twice under one claim, no restart that was not allowed
                assert len(attempts) == kinds.count("running")
                assert len({run.epoch for run in attempts}) == len(attempts)
                assert len(attempts) <= 1 or job.on_interrupt == OnInterrupt.RESTART
                assert sum(run.outcome is None for run in attempts) == (job.state == State.RUNNING)

    return Lab


def test_the_promises_hold_in_any_order(migrated_sqlite, clock):
    run_state_machine_as_test(
        machine(migrated_sqlite, clock), settings=settings(max_examples=40, stateful_step_count=20, deadline=None)
    )
