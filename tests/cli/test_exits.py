"""Every error that can reach the command line has its exit code."""

import pytest

from labctl.cli.exits import CODES, exit_code
from labctl.core import errors


def test_the_more_special_error_comes_first():
    for index, (kind, _) in enumerate(CODES):
        assert not any(issubclass(kind, earlier) for earlier, _ in CODES[:index])


@pytest.mark.parametrize(
    ("kind", "code"),
    [(errors.StationError, 2), (errors.InstrumentGone, 4), (errors.NotEnoughBits, 6), (errors.LabError, 1)],
)
def test_an_error_has_its_code(kind, code):
    assert exit_code(kind("x")) == code
