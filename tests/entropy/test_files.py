"""Files of bits: the same bits whatever their form, and what are no bits is told from them."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl.entropy.files import Format, opened

SOME = st.lists(st.integers(0, 1), min_size=1, max_size=120)  # so few bytes are never taken for text


def written(values, form, blanks=""):
    if form is Format.PACKED:
        return np.packbits(values).tobytes()
    if form is Format.BYTES01:
        return bytes(values)
    return blanks.join(map(str, values)).encode()


@given(SOME, st.sampled_from(Format), st.sampled_from(["", " ", "\r\n"]), st.data())
def test_every_form_holds_the_same_bits(tmp_path_factory, values, form, blanks, data):
    path = tmp_path_factory.mktemp("bits") / "some"
    path.write_bytes(written(values, form, blanks))
    start = data.draw(st.integers(0, len(values) - 1))
    count = data.draw(st.integers(1, len(values) - start))
    with opened(path, form) as found:
        assert found.n_bits == (8 * len(np.packbits(values)) if form is Format.PACKED else len(values))
        assert (found.cut(start, count) == np.packbits(values[start : start + count])).all()


def test_text_in_several_chunks(tmp_path):
    values = np.random.default_rng(1).integers(0, 2, 5_000_001, np.uint8)
    path = tmp_path / "digits.txt"
    path.write_bytes((values + ord("0")).tobytes())
    with opened(path, Format.ASCII) as found:
        assert found.n_bits == values.size
        assert (np.unpackbits(found.cut(0, values.size), count=values.size) == values).all()


@pytest.mark.parametrize(
    ("content", "form", "says"),
    [
        (b"", "packed", "empty"),
        (b"0110100110010110\n", "packed", "--format ascii"),
        (b"\xef\xbb\xbf0110100110010110\n", "packed", "--format ascii"),
        ("0110100110010110".encode("utf-16"), "packed", "--format ascii"),
        (b"# bits of Monday\n0110100110010110\n", "packed", "is text"),
        (b"0,1,1,0,1,0,0,1,1,0,0,1", "packed", "is text"),
        (b"\0\1\1\0" * 8, "packed", "--format bytes01"),
        (b"0110100110010110", "bytes01", "byte 0 .* --format ascii"),
        (b"\0\1\2", "bytes01", "byte 2 .* --format packed"),
        (b"01 10\n0120", "ascii", r"byte 8 of .* is b'2'.* take out"),
        (b"01\xff\0", "ascii", r"byte 2 .* leave --format ascii out"),
        (b" \n", "ascii", "no digit"),
    ],
)
def test_what_are_no_bits_is_refused_with_a_remedy(tmp_path, content, form, says):
    path = tmp_path / "some"
    path.write_bytes(content)
    with pytest.raises(ParameterError, match=says), opened(path, Format(form)):
        pass


def test_a_mark_of_utf8_is_no_bit(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(b"\xef\xbb\xbf0110 1001")
    with opened(path, Format.ASCII) as found:
        assert (found.n_bits, found.cut(0, 8).tolist()) == (8, [0b01101001])


def test_a_file_that_is_cut_while_it_is_read(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(bytes(100))
    with opened(path, Format.PACKED) as found:
        path.write_bytes(bytes(50))
        with pytest.raises(ParameterError, match="had 800 bits and has 400 now"):
            found.cut(0, 8)


def test_a_dead_source_is_a_file_of_packed_bits(tmp_path):
    path = tmp_path / "dead"
    path.write_bytes(bytes(64))
    with opened(path, Format.PACKED) as found:
        assert found.n_bits == 512


@pytest.mark.parametrize("missing", ["nothing", "."])
def test_a_place_without_a_file(tmp_path, missing):
    with (
        pytest.raises(ParameterError, match=re.escape(str(tmp_path / missing))),
        opened(tmp_path / missing, Format.PACKED),
    ):
        pass


def test_bits_beyond_the_end_are_not_made_up(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(bytes([1, 2, 3]))
    with opened(path, Format.PACKED) as found, pytest.raises(ParameterError, match="24"):
        found.cut(20, 5)
