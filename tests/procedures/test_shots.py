"""Telling two states apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.errors import MeasurementError
from labctl.procedures.shots import Threshold, blocks


def reads(share, noise, n=2000, seed=1):
    generator = np.random.Generator(np.random.PCG64(seed))
    states = generator.random(n) < share
    return states, np.where(states, 1.7e-6, 3.3e-6) + noise * generator.standard_normal(n)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_two_clear_groups_are_split_without_an_error(share):
    states, amps = reads(share, 5e-8)
    threshold = Threshold.between(amps)
    assert (threshold.states(amps) == states).all()
    assert threshold.parallel_amps == pytest.approx(3.3e-6, rel=0.02)
    assert threshold.antiparallel_amps == pytest.approx(1.7e-6, rel=0.02)
    assert threshold.separation == pytest.approx(1.6e-6 / 5e-8, rel=0.1)


@pytest.mark.parametrize(("share", "noise"), [(0.5, 4e-7), (0.0, 5e-8), (1.0, 5e-8)])
def test_reads_that_do_not_part_are_refused(share, noise):
    with pytest.raises(MeasurementError, match="do not show two states"):
        Threshold.between(reads(share, noise)[1])


@given(st.integers(0, 10_000), st.integers(16, 3000))
def test_blocks_add_up_and_none_is_too_large(total, largest):
    pieces = list(blocks(total, largest))
    assert sum(pieces) == total
    assert all(0 < piece <= largest for piece in pieces)
    assert all(piece % 8 == 0 for piece in pieces[:-1])


@given(st.integers(1024, 10**7), st.integers(4096, 2**18))
def test_no_block_is_too_short_to_be_judged(total, largest):
    assert min(blocks(total, largest)) >= 1024
