"""Scripts of what crosses the wire, as pymeasure.test.expected_protocol takes them."""

import pytest

NO_ERROR = '+0,"No error"'


class Script:
    """Pairs of (sent, answered); `set` adds the question for errors that follows every write."""

    def __init__(self, idn, error_query=(":SYST:ERR?", NO_ERROR)):
        self.pairs = [("*IDN?", idn)] if idn else []
        self.error_query = error_query

    def set(self, *commands):
        for command in commands:
            self.pairs += [(command, None), self.error_query]
        return self

    def ask(self, question, answer):
        self.pairs.append((question, answer))
        return self

    def write(self, *commands):
        self.pairs += [(command, None) for command in commands]
        return self

    def refuse(self, command, *entries):
        self.pairs.append((command, None))
        self.pairs += [(self.error_query[0], entry) for entry in entries]
        return self


@pytest.fixture
def script():
    return Script
