"""The procedures that can be ordered: what they ask for, and whether parameters fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from labctl.core.errors import PartNotFound
from labctl.core.plugins import PROCEDURES, known
from labctl.procedures import schema


class Catalogue(Protocol):
    """What the service needs to know of procedures; it never runs one."""

    def names(self) -> list[str]:
        """Those that are installed."""
        ...

    def describe(self, name: str) -> dict[str, Any]:
        """``name``, ``title``, ``doc``, ``roles`` and the JSON ``schema`` of the parameters; raises PartNotFound."""
        ...

    def validate(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with defaults filled in; raises PartNotFound or ParameterError."""
        ...


class Installed:
    """The procedures installed beside the service, and those that are named as ``package.module:Class``."""

    def names(self) -> list[str]:
        """The entry points that can be described here; a broken one is left out of the list, not out of sight:
        asking for it by name says what is wrong."""
        return [name for name in known(PROCEDURES) if self._there(name)]

    def describe(self, name: str) -> dict[str, Any]:
        """As the house describes it."""
        return schema.describe(name)

    def validate(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """As the house checks it."""
        return schema.validate(name, parameters)

    @staticmethod
    def _there(name: str) -> bool:
        try:
            schema.find(name)
        except (ImportError, AttributeError, PartNotFound):
            return False
        return True
