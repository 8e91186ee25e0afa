"""What tests said of bits: kept beside the draw or the run, with the origin that the ledger knows."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from labctl.core.bits import Bits, Origin
from labctl.core.errors import BitsRefused, NotFound, ParameterError
from labctl.ledger.tables import certificates

ROWS = [{"test": "frequency", "variant": "", "p_value": 0.5, "status": "passed"}]


BITS = Bits.of(np.random.default_rng(1).integers(0, 2, 256), Origin.HARDWARE)
OF_RUN = BITS.sha256()
OF_DRAW = hashlib.sha256(BITS.packed[:8]).hexdigest()


def found(**named):
    said = {"sha256": OF_DRAW, "n_bits": 64, "suites": ["sp800-22"], "profile": "exact", "passed": True}
    return {**said, "verdict": "1 of 1 passed", "results": ROWS, "version": "0.1.0", **named}


@pytest.fixture
def drawn(running, bench):
    """64 bits, taken; the rest of the segment is spent as well."""
    bench.bits.deposit(running.id, 1, BITS, 0, 0, True, {})
    draw = bench.bits.draw(64, "me", "to be tested")
    for spent in (draw, bench.bits.draw(192, "me", "to be rid of them")):
        bench.bits.take(spent.id)
    return draw


def test_of_a_draw_and_of_a_run_the_newest_first(drawn, running, bench, clock):
    (run,) = bench.runs.of(running.id)
    first = bench.certificates.add(**found(draw=drawn.id))
    clock.pass_by(1)
    second = bench.certificates.add(**found(run=run.id, sha256=OF_RUN, passed=False))
    assert (first.origin, first.results, first.created_at < second.created_at) == (Origin.HARDWARE, ROWS, True)
    brief = [replace(each, results=None) for each in (second, first)]  # the rows would be most of a list
    assert bench.certificates.list() == brief
    assert bench.certificates.list(draw=drawn.id) == brief[1:]
    assert bench.certificates.list(run=run.id) == brief[:1]
    assert bench.certificates.list(limit=1, before=second.id) == brief[1:]
    assert bench.certificates.get(second.id) == second


def test_of_nothing_or_of_two_things_or_of_what_is_not_there(drawn, running, bench):
    (run,) = bench.runs.of(running.id)
    for both in ({}, {"draw": drawn.id, "run": run.id}):
        with pytest.raises(ParameterError, match="one of the two"):
            bench.certificates.add(**found(**both))
    for absent in ({"draw": "nothing"}, {"run": "nothing"}):
        with pytest.raises(NotFound, match="nothing"):
            bench.certificates.add(**found(**absent))
    with pytest.raises(NotFound, match="nothing"):
        bench.certificates.get("nothing")


@pytest.mark.parametrize("forged", [{"sha256": "0" * 64}, {"n_bits": 65}])
def test_of_other_bits_than_these(drawn, running, bench, forged):
    (run,) = bench.runs.of(running.id)
    with pytest.raises(ParameterError, match=f"the ledger has 64 with {OF_DRAW}"):
        bench.certificates.add(**found(draw=drawn.id, **forged))
    with pytest.raises(ParameterError, match=f"the ledger has 256 with {OF_RUN}"):
        bench.certificates.add(**found(run=run.id, **({"sha256": OF_RUN} | forged | {"n_bits": 257})))
    assert bench.certificates.list() == []


def test_of_bits_that_are_still_fresh(running, bench):
    (run,) = bench.runs.of(running.id)
    bench.bits.deposit(running.id, 1, BITS, 0, 0, True, {})
    for named in ({"draw": bench.bits.draw(64, "me", "later").id}, {"run": run.id, "sha256": OF_RUN}):
        with pytest.raises(BitsRefused):
            bench.certificates.add(**found(**named))


def test_a_run_without_bits_has_nothing_to_certify(running, bench):
    (run,) = bench.runs.of(running.id)
    with pytest.raises(NotFound, match="no bits"):
        bench.certificates.add(**found(run=run.id))


def test_the_database_itself_refuses_one_of_nothing(bench, clock):
    row = {**found(), "id": "x", "draw": None, "run": None, "origin": Origin.HARDWARE, "created_at": clock()}
    with pytest.raises(IntegrityError), bench.database.engine.begin() as connection:
        connection.execute(certificates.insert().values(row))
