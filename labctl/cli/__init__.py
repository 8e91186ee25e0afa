"""The command line: one file per group of commands, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

import typer
from rich.console import Console

from labctl.cli.exits import exit_code
from labctl.core.errors import LabError

COMMANDS = {
    "demo": "demo:demo",
    "serve": "serve:serve",
    "run": "run:run",
    "submit": "jobs:submit",
    "jobs": "jobs:jobs",
    "show": "jobs:show",
    "cancel": "jobs:cancel",
    "procedures": "jobs:procedures",
    "bits": "bits:bits",
    "draw": "bits:draw",
    "sample": "sample:sample",
    "certify": "certify:certify",
    "keys": "keys:keys",
    "station": "stations:stations",
    "safe": "safe:safe",
    "sim": "sim:sim",
    "crossbar": "crossbar:crossbar",
    "conform": "conform:conform",
    "agent": "agent:agent",
    "db": "db:db",
}


def app(words: Sequence[str] = ()) -> typer.Typer:
    """The command line; only the command that ``words`` begin with, if they begin with one, for a quick start."""
    root = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
    root.callback()(_labctl)
    for name in [words[0]] if words and words[0] in COMMANDS else COMMANDS:
        module, _, function = COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(f"labctl.cli.{module}"), function)
        if isinstance(command, typer.Typer):
            root.add_typer(command, name=name)
        else:
            root.command(name=name)(command)
    return root


def main() -> None:
    """The console script."""
    execute(app(sys.argv[1:]))


def execute(command: Callable[[], object]) -> None:
    """Run a command; a LabError becomes one sentence on stderr and an exit code (see ``exits``)."""
    try:
        command()
    except LabError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"labctl: {error}", style="red", markup=False)
        for note in getattr(error, "__notes__", ()):
            console.print(f"  {note}", markup=False)
        sys.exit(exit_code(error))
    except OSError as error:
        sys.exit(f"labctl: {error.filename or 'a file'} cannot be used ({error.strerror}); check path and permissions")


def _labctl() -> None:
    """The service a spintronics lab runs its bench on."""
