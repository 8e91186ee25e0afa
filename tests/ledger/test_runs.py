"""Results: kept in order, once, and as they were."""

import math

import numpy as np
import pandas as pd
import pytest

from labctl.core.errors import DatabaseError, IllegalTransition, NotFound, ParameterError
from labctl.core.procedure import Artifact, Record
from labctl.ledger.values import OnInterrupt, State


def rows(*numbers):
    return [Record.of("point", n=number) for number in numbers]


def test_a_batch_that_is_sent_again_is_kept_once(running, bench):
    assert bench.runs.append_records(running.id, 1, 0, rows(0, 1, 2)) == 3
    assert bench.runs.append_records(running.id, 1, 0, rows(0, 1, 2)) == 3
    assert bench.runs.append_records(running.id, 1, 2, rows(9, 3, 4)) == 5
    found = bench.runs.records(running.id)
    assert [(row.sequence, row.values["n"]) for row in found] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]


def test_records_become_a_table(running, bench):
    batch = [
        Record.of("point", volts=0.1, amps=np.float64(3e-6), ok=np.bool_(True), n=np.int64(3)),
        Record.of("fit", slope=2.0),
        Record.of("point", volts=0.2, amps=math.nan, ok=False, n=4),
    ]
    bench.runs.append_records(running.id, 1, 0, batch)
    frame = bench.runs.records_frame(running.id, "point")
    assert list(frame.columns) == ["kind", "volts", "amps", "ok", "n"]
    assert list(frame.index) == [0, 2]
    assert frame["amps"].iloc[0] == 3e-6
    assert pd.isna(frame["amps"].iloc[1])
    assert set(bench.runs.records_frame(running.id)["kind"]) == {"point", "fit"}
    assert bench.runs.records_frame(running.id, "nothing").empty


@pytest.mark.parametrize("value", [math.inf, -math.inf, [1, 2], np.zeros(3), {"a": 1}], ids=str)
def test_what_is_no_finite_scalar_is_refused_with_its_name(value, running, bench):
    with pytest.raises(ParameterError, match="amps"):
        bench.runs.append_records(running.id, 1, 0, [Record.of("point", amps=value)])
    assert bench.runs.records(running.id) == []


def test_the_last_run_is_shown_and_the_earlier_ones_are_kept(bench):
    job = bench.jobs.submit("b1", "p", {}, on_interrupt=OnInterrupt.RESTART).id
    for epoch in (1, 2):
        bench.leases.claim("b1", "a1", 15)
        bench.leases.start(job, epoch, {})
        bench.runs.append_records(job, epoch, 0, rows(epoch))
        bench.leases.finish(job, epoch, State.INTERRUPTED if epoch == 1 else State.SUCCEEDED)
    first, last = bench.runs.of(job)
    assert [row.values for row in bench.runs.records(job)] == [{"n": 2}]
    assert [row.values for row in bench.runs.records(job, run=first.id)] == [{"n": 1}]
    assert last.outcome == State.SUCCEEDED


def test_results_need_a_run(bench):
    job = bench.jobs.submit("b1", "p", {}).id
    bench.leases.claim("b1", "a1", 15)
    with pytest.raises(IllegalTransition, match="start it"):
        bench.runs.append_records(job, 1, 0, rows(1))


def test_a_file_is_kept_under_its_digest_and_checked_when_read(running, bench, tmp_path):
    picture = Artifact("a.png", "image/png", b"\x89PNG\x00\xff")
    entry = bench.runs.add_artifact(running.id, 1, picture)
    assert bench.runs.add_artifact(running.id, 1, picture) == entry
    assert bench.runs.artifact(running.id, "a.png") == (entry, picture.content)
    assert (tmp_path / entry.path).name == entry.sha256
    with pytest.raises(ParameterError, match="never overwritten"):
        bench.runs.add_artifact(running.id, 1, Artifact("a.png", "image/png", b"other"))
    with pytest.raises(NotFound, match=r"it has: a\.png"):
        bench.runs.artifact(running.id, "b.png")
    (tmp_path / entry.path).write_bytes(b"forged")
    with pytest.raises(DatabaseError, match="was changed"):
        bench.runs.artifact(running.id, "a.png")


def test_no_scratch_file_is_left_behind(running, bench, tmp_path):
    bench.runs.add_artifact(running.id, 1, Artifact("a", "text/plain", b"a"))
    assert [path.name[0] for path in (tmp_path / "artifacts").iterdir()] != ["."]
