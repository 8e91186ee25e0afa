"""The README's own instrument works as it stands there."""

import re
import textwrap
from pathlib import Path

from labctl.core.device import Device

README = Path(__file__).parents[2] / "drivers" / "README.md"


def test_the_example_driver_and_its_test_run():
    blocks = [
        textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    ]
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102 - our own page
    assert len(blocks) == 2
    assert isinstance(names["dmm"], Device)
