"""Bits are packed most significant bit first, counted, and survive the round trip."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.bits import BitBuffer, Bits, Origin
from labctl.core.errors import NotEnoughBits

bit_lists = st.lists(st.integers(0, 1), max_size=200)


def test_the_first_bit_is_the_most_significant():
    assert Bits.of([1, 0, 0, 0, 0, 0, 0, 0, 1], Origin.SIMULATED).packed == b"\x80\x80"


@given(bit_lists)
def test_unpacking_undoes_packing(values):
    bits = Bits.of(values, Origin.HARDWARE)
    assert bits.unpack().tolist() == values
    assert len(bits) == len(values)
    assert bits.sha256() == hashlib.sha256(bits.packed).hexdigest()


@pytest.mark.parametrize(
    ("packed", "count", "reason"),
    [(b"\x00", 9, "need 2 bytes"), (b"\x00\x00", 8, "need 1 bytes"), (b"\x01", 7, "unused bits"), (b"", -1, "need")],
)
def test_bits_that_do_not_add_up_are_refused(packed, count, reason):
    with pytest.raises(ValueError, match=reason):
        Bits(packed, count, Origin.SIMULATED)


def test_values_other_than_bits_are_refused():
    with pytest.raises(ValueError, match="0 or 1"):
        Bits.of(np.array([0, 2]), Origin.SIMULATED)


@given(bit_lists, st.lists(st.integers(0, 60), max_size=8))
def test_a_buffer_hands_out_each_bit_once_and_in_order(values, sizes):
    buffer = BitBuffer(Bits.of(values, Origin.RECORDED))
    taken: list[int] = []
    for size in sizes:
        if size > len(values) - len(taken):
            with pytest.raises(NotEnoughBits, match=f"{size} bits were asked for and {len(values) - len(taken)}"):
                buffer.read(size)
        else:
            got = buffer.read(size)
            assert got.origin is Origin.RECORDED
            taken += got.unpack().tolist()
    assert taken == values[: len(taken)]
