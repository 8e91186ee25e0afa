"""Parts are found by name, and a failed look-up says what is known."""

import pytest

from labctl.core import plugins
from labctl.core.errors import PartNotFound
from labctl.procedures.identify import Identify


def test_an_entry_point_and_an_import_string_find_the_same_part():
    assert plugins.resolve(plugins.PROCEDURES, "identify") is Identify
    assert plugins.resolve(plugins.PROCEDURES, "labctl.procedures.identify:Identify") is Identify


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "no procedure named 'nothing'; known are: bitstream, crossbar_read, .*identify"),
        ("no_such_module:X", "the module 'no_such_module', which cannot be found"),
        ("labctl.procedures.identify:Nobody", "has no 'Nobody'"),
    ],
)
def test_a_failed_look_up_says_what_was_asked_and_what_is_known(name, says):
    with pytest.raises(PartNotFound, match=says):
        plugins.resolve(plugins.PROCEDURES, name)


def test_a_part_whose_own_import_fails_shows_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_part.py").write_text("import a_library_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_there"):
        plugins.resolve(plugins.DRIVERS, "broken_part:Driver")
