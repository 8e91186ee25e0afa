"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from labctl.core.errors import ParameterError

Home = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the database and the bits. Default: $LABCTL_HOME, else ~/labctl-home.", file_okay=False
    ),
]
Service = Annotated[str, typer.Option(envvar="LABCTL_SERVICE", help="Address of the service.")]
Parameters = Annotated[
    list[str],
    typer.Option(
        "--param", "-p", help="A parameter as name=value; the value is JSON, or else text.", show_default=False
    ),
]
DEFAULT_SERVICE = "http://127.0.0.1:8000"


def parse_parameters(words: list[str]) -> dict[str, Any]:
    """``["volts=0.9", "junctions=[[0,0]]"]`` as a dict.

    Raises ParameterError for a word without an equals sign or a name given twice.
    """
    parameters: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ParameterError(f"{word!r} is not a parameter; write name=value, as in -p volts=0.9")
        if name in parameters:
            raise ParameterError(f"the parameter {name!r} was given twice")
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
        except (ValueError, RecursionError) as error:
            raise ParameterError(f"the value of {name} is more than a number or a list can be: {error}") from error
    return parameters
