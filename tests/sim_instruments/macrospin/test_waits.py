"""A bench that works out columns says so: when it begins, now and then while it lasts, and never otherwise."""

import logging

import pytest

from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.switching import SwitchingTable
from labctl_sim.macrospin.waits import Waits

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.2).with_stability(12.0)


class Steps:
    """A clock that is set."""

    seconds = 0.0

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


@pytest.mark.parametrize(
    ("each_seconds", "columns", "lines"),
    [(0.5, 1, 1), (0.5, 20, 1), (0.5, 21, 2), (0.5, 200, 10), (1.4, 200, 25), (9.0, 10, 5)],
)
def test_a_wait_has_a_line_at_its_begin_and_one_in_ten_seconds_at_most(caplog, each_seconds, columns, lines):
    caplog.set_level(logging.INFO)
    clock = Steps()
    waits = Waits(clock, "kept in memory")
    for _ in range(columns):
        waits.one_more()
        clock.sleep(each_seconds)
    assert len(caplog.messages) == lines
    assert "kept in memory" in caplog.messages[0]
    for text in caplog.messages[1:]:
        assert "columns worked out so far" in text
    clock.sleep(60.0)
    waits.one_more()  # another wait, later, begins anew
    assert caplog.messages[-1] == caplog.messages[0]


def test_what_is_in_the_cache_is_not_worth_a_line(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(2):
        table = SwitchingTable(LAYER, store=Store(tmp_path))
        table.flips(LAYER, LAYER.critical_volts, 2e-9)
        table.flips(LAYER, 0.99 * LAYER.critical_volts, 5e-9)
    first, *later = caplog.messages
    assert "has no column for this pulse of this junction" in first
    assert f"kept in {tmp_path}" in first
    assert not later
