"""The event queue of a Tektronix oscilloscope: which of its entries are errors."""

from __future__ import annotations

import re

ENTRY = re.compile(r'(\d+),\s*"((?:[^"]|"")*)"')
# 0 and 1 say that the queue is empty; 401 to 403 are "power on", "operation complete" and "user request".
NOTICES = frozenset({0, 1, 401, 402, 403})


def failures(reply: str) -> list[str]:
    """The errors in a reply to ``ALLEv?``.

    >>> failures('401,"Power on; ",113,"Undefined header; CH9:SCA"')
    ['113, Undefined header; CH9:SCA']
    """
    return [
        f"{int(code)}, {text.strip().rstrip(';').strip()}"
        for code, text in ENTRY.findall(reply)
        if int(code) not in NOTICES
    ]
