"""A procedure's parameters as JSON: its schema, and the check of what somebody sent."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from labctl.core import plugins
from labctl.core.errors import ParameterError, PartNotFound
from labctl.core.procedure import roles, title


def find(name: str) -> type[Any]:
    """The procedure class called ``name`` (entry point or ``package.module:Class``).

    Raises PartNotFound, listing the known ones.
    """
    found: type[Any] = plugins.resolve(plugins.PROCEDURES, name)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found) and callable(getattr(found, "run", None))):
        raise PartNotFound(
            f"{name!r} is no procedure: a procedure is a dataclass with a method run, see labctl.core.procedure"
        )
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
        "schema": TypeAdapter(procedure).json_schema(),
    }


def build(name: str, parameters: Mapping[str, Any]) -> Any:
    """The procedure with ``parameters`` filled in and checked against its schema.

    Raises PartNotFound, or ParameterError naming every parameter that is missing, unknown or out of range.
    """
    procedure = find(name)
    known = [field.name for field in dataclasses.fields(procedure)]
    complaints = [f"{key} is not one of its parameters" for key in parameters if key not in known]
    complaints += [f"{key}: not a finite number" for key, value in parameters.items() if not _finite(value)]
    given = {key: value for key, value in parameters.items() if key in known}
    try:
        built = TypeAdapter(procedure).validate_python(given)
    except ValidationError as error:
        complaints += [_complaint(item) for item in error.errors(include_url=False)]
    if complaints:
        raise ParameterError(
            f"{name} cannot run like this: {'; '.join(complaints)}. Its parameters are: {', '.join(known) or 'none'}"
        )
    return built


def validate(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``parameters`` with every default filled in, as plain JSON values. Raises as ``build`` does."""
    filled: dict[str, Any] = TypeAdapter(find(name)).dump_python(build(name, parameters), mode="json")
    return filled


def _finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _complaint(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "parameters"
    if item["type"] in {"missing", "missing_argument"}:
        return f"{where} is missing"
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{where}: {message}, got {item['input']!r}"
