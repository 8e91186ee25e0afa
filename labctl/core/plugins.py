"""Parts are named in a file and found here: an entry-point name, or ``package.module:attribute``."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from labctl.core.errors import PartNotFound

DRIVERS = "labctl.drivers"
PROCEDURES = "labctl.procedures"
STATIONS = "labctl.stations"


def known(group: str) -> list[str]:
    """The entry-point names of ``group``, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def resolve(group: str, name: str) -> Any:
    """The object that ``name`` stands for in ``group``.

    A name with a colon is an import string (``mylab.lasers:Verdi``); any other is an entry point.
    An import that fails inside the part shows its own traceback.

    Raises PartNotFound, saying what was asked for and what is known.
    """
    if ":" in name:
        module_name, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not (module_name + ".").startswith(error.name + "."):
                raise
            raise PartNotFound(
                f"{name!r} names the module {module_name!r}, which cannot be found; "
                "install it, or put its folder on PYTHONPATH"
            ) from error
        except (ValueError, TypeError, SystemExit) as error:  # an empty or a relative name, or a program
            raise PartNotFound(f"{name!r} is no name of a part; write it as 'package.module:Class'") from error
        try:
            return getattr(module, attribute)
        except AttributeError as error:
            raise PartNotFound(
                f"the module {module_name!r} has no {attribute!r}; check the name after the colon"
            ) from error
    for point in entry_points(group=group):
        if point.name == name:
            return point.load()
    kind = group.rpartition(".")[2].rstrip("s")
    raise PartNotFound(
        f"there is no {kind} named {name!r}; known are: {', '.join(known(group)) or 'none'}. "
        "Your own is named as 'package.module:Class'"
    )
