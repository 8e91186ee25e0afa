"""Where a program message ends in a stream of bytes: at a newline that stands neither in a block nor in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_BLOCK = 1 << 28  # a longer block is taken for a mistake, and its "#" for a character like any other
_MARK = re.compile(rb"[\"'\n]|(?:^|(?<=[\s,]))#(?=[1-9])")


class Framing:
    """Collects what a socket receives. An indefinite block cannot be told from text here and ends at a newline.

    Of a message longer than ``longest`` only so many bytes and one more are kept, which tells an instrument that it is
    too long; where it ends is found all the same.
    """

    def __init__(self, longest: int) -> None:
        self._keep = longest + 1
        self._head = b""  # of the present message, if it is longer
        self._skip = 0  # bytes still to come of a block in it
        self._data = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take ``data``; the messages that are complete now, each with its newline."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._data += memoryview(data)[skipped:]
        while (end := self._end()) is not None:
            message = self._head or bytes(self._data[: min(end, self._keep)])
            self._head = b""
            del self._data[:end]
            self._scanned = 0
            if not message.isspace():
                yield message
        if len(self._data) > self._keep:
            self._drop()

    def _drop(self) -> None:
        """The message is too long: go on from what says where it ends."""
        data = self._data
        self._head = self._head or bytes(data[: self._keep])
        block = data[self._scanned : self._scanned + 1] == b"#" and _MARK.match(data, self._scanned)
        past = _block(data, self._scanned) if block else None
        if past is not None and past > len(data):
            self._skip = past - len(data)
            data.clear()
        elif data[self._scanned : self._scanned + 1] in (bytearray(b'"'), bytearray(b"'")):
            del data[self._scanned + 1 :]  # a string without an end so far
            del data[: self._scanned]
        else:
            del data[: max(self._scanned - 1, 0)]  # what stands before a "#" matters
            self._scanned = min(self._scanned, 1)
            return
        self._scanned = 0

    def _end(self) -> int | None:
        data = self._data
        while (found := _MARK.search(data, self._scanned)) is not None:
            mark, at = found[0], found.end()
            if mark == b"\n":
                return at
            if mark == b"#":
                past = _block(data, found.start())
                if past is None or past > len(data):
                    self._scanned = found.start()
                    return None
            else:
                past = self._quoted(mark, at)
                if past is None:
                    self._scanned = found.start()
                    return None
            self._scanned = past
        self._scanned = max(self._scanned, len(data) - 1)  # the last byte may be a "#" whose digit is to come
        return None

    def _quoted(self, quote: bytes, at: int) -> int | None:
        """Just after a string that began before ``at``, or ``at`` if its line ends first; None if that is not known."""
        close, newline = self._data.find(quote, at), self._data.find(b"\n", at)
        if close < 0 and newline < 0:
            return None
        return close + 1 if close >= 0 and (newline < 0 or close < newline) else at


def _block(data: bytearray, start: int) -> int | None:
    """Where the block at ``start`` ends; just after its ``#`` if it is none; None if that cannot be known yet."""
    digits = int(data[start + 1 : start + 2])
    length = data[start + 2 : start + 2 + digits]
    if not length.isdigit():
        return None if not length else start + 1
    if len(length) < digits:
        return None
    return start + 2 + digits + int(length) if int(length) <= MAX_BLOCK else start + 1
