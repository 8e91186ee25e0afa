"""What tests said of bits: kept beside the draw or the run, with the origin that the ledger knows."""

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from labctl.core.bits import Bits, Origin
from labctl.core.errors import NotFound, ParameterError
from labctl.ledger.tables import certificates

ROWS = [{"test": "frequency", "variant": "", "p_value": 0.5, "status": "passed"}]


def found(**named):
    said = {"sha256": "0" * 64, "n_bits": 64, "suites": ["sp800-22"], "profile": "exact", "passed": True}
    return {**said, "verdict": "1 of 1 passed", "results": ROWS, "version": "0.1.0", **named}


@pytest.fixture
def drawn(running, bench):
    bits = Bits.of(np.random.default_rng(1).integers(0, 2, 256), Origin.HARDWARE)
    bench.bits.deposit(running.id, 1, bits, 0, 0, True, {})
    return bench.bits.draw(64, "me", "to be tested")


def test_of_a_draw_and_of_a_run_the_newest_first(drawn, running, bench, clock):
    (run,) = bench.runs.of(running.id)
    first = bench.certificates.add(**found(draw=drawn.id))
    clock.pass_by(1)
    second = bench.certificates.add(**found(run=run.id, passed=False))
    assert (first.origin, first.results, first.created_at < second.created_at) == (Origin.HARDWARE, ROWS, True)
    assert bench.certificates.list() == [second, first]
    assert bench.certificates.list(draw=drawn.id) == [first]
    assert bench.certificates.list(run=run.id) == [second]
    assert bench.certificates.list(limit=1, before=second.id) == [first]
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


def test_a_run_without_bits_has_nothing_to_certify(running, bench):
    (run,) = bench.runs.of(running.id)
    with pytest.raises(NotFound, match="no bits"):
        bench.certificates.add(**found(run=run.id))


def test_the_database_itself_refuses_one_of_nothing(bench, clock):
    row = {**found(), "id": "x", "draw": None, "run": None, "origin": Origin.HARDWARE, "created_at": clock()}
    with pytest.raises(IntegrityError), bench.database.engine.begin() as connection:
        connection.execute(certificates.insert().values(row))
