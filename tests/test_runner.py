"""The runner carries what a procedure yields, and loses nothing when it fails."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from labctl import runner
from labctl.core.bits import Bits, Origin
from labctl.core.errors import Cancelled, InstrumentTimeout, ParameterError
from labctl.core.procedure import Artifact, Harvest, Progress, Record


@dataclass
class Sink:
    """Keeps everything, and may refuse at the n-th progress."""

    kept: list[Any] = field(default_factory=list)
    stop_at: int | None = None

    def records(self, records):
        self.kept += records

    def harvest(self, harvest):
        self.kept.append(harvest)

    def artifact(self, artifact):
        self.kept.append(artifact)

    def progress(self, progress):
        if progress.done == self.stop_at:
            raise Cancelled("stop")


@dataclass(frozen=True)
class Steps:
    """Count to three, then fail if asked to."""

    fail: bool = False

    def run(self, log: list[str]):
        try:
            for index in range(3):
                yield Record.of("step", index=index)
                yield Progress(index, 3)
            yield Harvest(Bits.of([1], Origin.SIMULATED), 0, 0, True)
            yield Artifact("a", "text/plain", b"x")
            if self.fail:
                raise InstrumentTimeout("no answer")
        finally:
            log.append("closed")


def test_everything_yielded_arrives_in_order():
    sink, log = Sink(), []
    runner.run(Steps(), {"log": log, "unused": 1}, sink)
    assert [getattr(x, "values", {}).get("index") for x in sink.kept[:3]] == [0, 1, 2]
    assert isinstance(sink.kept[3], Harvest)
    assert isinstance(sink.kept[4], Artifact)
    assert log == ["closed"]


def test_a_failure_is_raised_after_what_was_measured_is_kept():
    sink, log = Sink(), []
    with pytest.raises(InstrumentTimeout, match="no answer"):
        runner.run(Steps(fail=True), {"log": log}, sink)
    assert len(sink.kept) == 5
    assert log == ["closed"]


def test_a_cancelled_procedure_is_closed_and_keeps_its_records():
    sink, log = Sink(stop_at=1), []
    with pytest.raises(Cancelled):
        runner.run(Steps(), {"log": log}, sink)
    assert [record.values["index"] for record in sink.kept] == [0, 1]
    assert log == ["closed"]


def test_a_sink_that_fails_at_the_end_does_not_hide_the_first_error():
    class Full(Sink):
        def records(self, records):
            raise OSError("disk full")

    with pytest.raises(Cancelled) as caught:
        runner.run(Steps(), {"log": []}, Full(stop_at=0))
    assert "disk full" in caught.value.__notes__[0]


def test_a_missing_role_is_named_with_what_there_is():
    with pytest.raises(ParameterError, match="Steps needs log, and this bench lacks log; it has smu"):
        runner.run(Steps(), {"smu": None}, Sink())
