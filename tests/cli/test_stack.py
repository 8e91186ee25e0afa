"""Children end in good order when they are asked to, and by force, said aloud, when they do not."""

import sys

import pytest

from labctl.cli import stack
from labctl.core.errors import ServiceError

DEAF = "import time\nwhile True: time.sleep(1)\n"
GOOD = "import os, sys\nwhile os.read(0, 1): pass\nsys.exit(7)\n"


def program(folder, monkeypatch, text):
    (folder / "some_child.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_child_that_hears_ends_by_itself(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, GOOD)
    with stack.child(tmp_path, "child", ["some_child"], logs=True) as child:
        assert child.process.poll() is None
    assert child.process.returncode == 7


def test_a_child_that_does_not_is_killed_and_the_danger_is_said(tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, DEAF)
    with stack.child(tmp_path, "agent of lab", ["some_child"], logs=True) as child:
        with pytest.raises(ServiceError, match=r"agent of lab did not end within 1 s and was killed.*MAY BE ON"):
            child.stop(1.0)
        assert child.process.returncode != 0
        assert sys.executable in child.process.args
