"""Bits in files: packed, as text digits or one per byte; opened as packed bits that are mapped, not read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import LabError, ParameterError

CHUNK = 1 << 22
GLANCE = 1 << 16  # bytes that are looked at to tell text from packed bits
BLANKS = b" \t\n\v\f\r"
DIGITS = b"01"
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = b"\xff\xfe\0"  # either order, and what stands beside each digit
PRINTABLE = bytes(range(0x20, 0x7F)) + BLANKS
FEWEST_LETTERS = 16  # random bytes are that many printable ones once in three million


class Format(StrEnum):
    """How bits lie in a file."""

    PACKED = "packed"
    """Eight to a byte, the most significant first."""
    ASCII = "ascii"
    """Text of the digits 0 and 1; blanks and line ends are skipped."""
    BYTES01 = "bytes01"
    """One per byte, 0 or 1."""


@dataclass(frozen=True)
class BitFile:
    """``n_bits`` in the packed file ``path``, most significant bit first."""

    path: Path
    n_bits: int

    def cut(self, start_bit: int, n_bits: int) -> NDArray[np.uint8]:
        """Bits ``start_bit`` to ``start_bit + n_bits`` packed anew: uint8 (ceil(n_bits / 8),), the spare ones zero.

        Only these are read from the disk. Raises ParameterError where the file has no such bits.
        """
        if start_bit < 0 or n_bits < 1 or start_bit + n_bits > self.n_bits:
            raise ParameterError(
                f"bits {start_bit:,} to {start_bit + n_bits:,} were asked for; {self.path} has {self.n_bits:,}"
            )
        mapped = np.memmap(self.path, np.uint8, "r")
        if 8 * mapped.size < self.n_bits:
            raise ParameterError(
                f"{self.path} had {self.n_bits:,} bits and has {8 * mapped.size:,} now: it was cut while it was "
                "tested; test it when nobody writes to it"
            )
        taken = np.array(mapped[start_bit // 8 : (start_bit + n_bits + 7) // 8])
        if start_bit % 8:
            return np.packbits(np.unpackbits(taken)[start_bit % 8 :][:n_bits])
        if n_bits % 8:
            taken[-1] &= 0xFF << (8 - n_bits % 8) & 0xFF
        return taken


@contextmanager
def opened(path: Path, form: Format) -> Iterator[BitFile]:
    """The bits of a file. Text and bytes are packed into a temporary file first, an eighth of their size.

    Raises ParameterError, which names the place and the remedy, for what are no bits of that form.
    """
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise ParameterError(f"{path} {what}; give a file of bits")
    if path.stat().st_size == 0:
        raise ParameterError(f"{path} is empty; there is nothing to test")
    if form is Format.PACKED:
        _refuse_disguised(path)
        yield BitFile(path, 8 * path.stat().st_size)
        return
    with tempfile.TemporaryDirectory(prefix="labctl-", ignore_cleanup_errors=True) as folder:
        packed = Path(folder) / "packed.bits"
        try:
            with path.open("rb") as source, packed.open("wb") as target:
                n_bits = _pack(path, form, source, target)
        except OSError as error:
            raise LabError(
                f"{path} could not be packed in {folder} ({error.strerror}), where an eighth of its "
                f"{path.stat().st_size:,} bytes must fit; name another place in the variable TMPDIR"
            ) from error
        if n_bits == 0:
            raise ParameterError(f"{path} holds blanks and no digit; there is nothing to test")
        yield BitFile(packed, n_bits)


def _refuse_disguised(path: Path) -> None:
    """Digits taken for packed bits would be tested without a word, and fail: as text they are never random."""
    with path.open("rb") as file:
        begin = file.read(GLANCE)
    if len(begin) < FEWEST_LETTERS:
        return
    if not begin.translate(None, DIGITS + BLANKS + UTF8_MARK + UTF16_MARKS) and begin.translate(None, UTF16_MARKS):
        raise ParameterError(
            f"{path} was to be packed bits but looks like text of the digits 0 and 1; if it is, add --format ascii"
        )
    if not begin.removeprefix(UTF8_MARK).translate(None, PRINTABLE):
        raise ParameterError(
            f"{path} was to be packed bits but is text; leave nothing in it but the digits 0 and 1, and add "
            "--format ascii"
        )
    if not begin.translate(None, b"\0\1") and b"\1" in begin:
        raise ParameterError(
            f"{path} was to be packed bits but has nothing but the bytes 0 and 1; if each is one bit, "
            "add --format bytes01"
        )


def _pack(path: Path, form: Format, source: BinaryIO, target: BinaryIO) -> int:
    n_bits = position = 0
    left = np.empty(0, np.uint8)
    while chunk := source.read(CHUNK):
        if form is Format.ASCII:
            if position == 0 and chunk.startswith(UTF8_MARK):
                chunk = b" " * len(UTF8_MARK) + chunk[len(UTF8_MARK) :]  # as long as before
            digits = chunk.translate(None, BLANKS)
            values = np.frombuffer(digits, np.uint8) - np.uint8(ord("0"))
        else:
            values = np.frombuffer(chunk, np.uint8)
        if values.size and values.max() > 1:
            raise ParameterError(_stranger(path, form, chunk, position))
        n_bits += values.size
        position += len(chunk)
        values = np.concatenate((left, values))
        whole = values.size // 8 * 8
        target.write(np.packbits(values[:whole]).tobytes())
        left = values[whole:]
    target.write(np.packbits(left).tobytes())
    return n_bits


def _stranger(path: Path, form: Format, chunk: bytes, position: int) -> str:
    known = DIGITS + BLANKS if form is Format.ASCII else b"\0\1"
    where = next(index for index, value in enumerate(chunk) if value not in known)
    found = chunk[where : where + 1]
    if form is Format.ASCII:
        text = not chunk.translate(None, PRINTABLE)
        hint = "take out what is no digit" if text else "if the bits are packed, leave --format ascii out"
        return f"byte {position + where:,} of {path} is {found!r}, which is neither 0, 1 nor a blank; {hint}"
    hint = "--format ascii" if found in (b"0", b"1") else "--format packed"
    return f"byte {position + where:,} of {path} is {found!r}, neither 0 nor 1; did you mean {hint}?"
