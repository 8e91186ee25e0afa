"""A procedure's parameters as JSON: its schema, and the check of what somebody sent."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from labctl.core import plugins
from labctl.core.errors import ParameterError
from labctl.core.procedure import roles, title


def find(name: str) -> type[Any]:
    """The procedure class called ``name`` (entry point or ``package.module:Class``).

    Raises PartNotFound, listing the known ones.
    """
    found: type[Any] = plugins.resolve(plugins.PROCEDURES, name)
    return found


def describe(name: str) -> dict[str, Any]:
    """What a client needs to offer the procedure.

    For example ``{"name": "identify", "title": "Who is on the bench.", "doc": "...", "roles": ["devices"],
    "schema": {"type": "object", "properties": {...}}}``. Raises PartNotFound.
    """
    procedure = find(name)
    return {
        "name": name,
        "title": title(procedure),
        "doc": inspect.getdoc(procedure) or "",
        "roles": list(roles(procedure)),
        "schema": _adapter(procedure).json_schema(),
    }


def build(name: str, parameters: Mapping[str, Any]) -> Any:
    """The procedure with ``parameters`` filled in and checked against its schema.

    Raises PartNotFound, or ParameterError naming every parameter that is missing, unknown or out of range.
    """
    procedure = find(name)
    try:
        return _adapter(procedure).validate_python(dict(parameters))
    except ValidationError as error:
        complaints = "; ".join(_complaint(item) for item in error.errors(include_url=False))
        known = ", ".join(_adapter(procedure).json_schema().get("properties", {})) or "none"
        raise ParameterError(f"{name} cannot run like this: {complaints}. Its parameters are: {known}") from None


def validate(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``parameters`` with every default filled in, as plain JSON values. Raises as ``build`` does."""
    filled: dict[str, Any] = _adapter(find(name)).dump_python(build(name, parameters), mode="json")
    return filled


def _adapter(procedure: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(procedure, config=ConfigDict(extra="forbid", allow_inf_nan=False))


def _complaint(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "parameters"
    if item["type"] in {"missing", "missing_argument"}:
        return f"{where} is missing"
    if item["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        return f"{where} is not one of its parameters"
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{where}: {message}, got {item['input']!r}"
