"""``labctl run``: one procedure on one bench, without a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from labctl import runner
from labctl.bench.behind import behind
from labctl.bench.bench import open_bench
from labctl.bench.journal import journal_path
from labctl.bench.station import load_station
from labctl.cli.local import LocalRun
from labctl.cli.logs import above, shown
from labctl.cli.options import Home, Parameters, parse_parameters
from labctl.cli.signals import as_interrupt
from labctl.cli.tables import show_records
from labctl.core.errors import ParameterError
from labctl.core.home import resolve_home
from labctl.core.procedure import Progress
from labctl.procedures import schema


def run(
    procedure: Annotated[str, typer.Argument(help="What to run.", show_default=False)],
    station: Annotated[str, typer.Option(help="The station: a name or a TOML file.")] = "demo",
    param: Parameters = [],  # noqa: B006 - typer reads the default, nobody changes it
    home: Home = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the records to this CSV file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the results into this PNG file.")] = None,
    save: Annotated[Path, typer.Option(help="Folder for the files that the procedure makes.")] = Path(),
) -> None:
    """Open a bench in this process, run one procedure on it, and keep the results in the home folder's ledger.

    For a bench that no agent serves; a bench that is being served refuses.
    """
    for option, file in (("--csv", csv), ("--plot", plot)):
        if file is not None and not file.absolute().parent.is_dir():
            raise ParameterError(
                f"the folder {file.parent} of {option} is not there; make it first, nothing was measured"
            )
    parameters = schema.validate(procedure, parse_parameters(param))
    found = load_station(station)
    folder = resolve_home(home)
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    stderr = Console(stderr=True)
    with (
        as_interrupt("making the bench safe"),
        shown(above(stderr)),
        LocalRun(folder, found.name, procedure, parameters) as local,
    ):
        with open_bench(found, journal_path(folder, found.name)) as bench, Bar(*columns, console=stderr) as bar:
            offered = {**bench.roles(), "bank": local}
            origin = bench.origin
            provenance = bench.provenance()
            local.start(provenance, bench.origin, found.digest, offered)
            sink = _Shown(local, bar, bar.add_task(procedure, total=None))
            runner.run(schema.build(procedure, parameters), offered, sink)
        frame = local.frame()
        files = local.save(save)
    show_records(Console(), frame, "--csv FILE")
    if csv is not None:
        frame.to_csv(csv, index=False)
    for file in files:
        typer.echo(f"saved {file}")
    words = behind(provenance)
    if plot is not None:
        asked = ", ".join(f"{name} {value}" for name, value in parameters.items())
        _draw(plot, frame, f"{procedure} at {found.name}", "; ".join(filter(None, (asked, f"{origin} {words}"))))
    typer.echo(f"\njob {local.job_id} on {origin} instruments{f' ({words})' if words else ''}, kept in {folder}")


def _draw(file: Path, frame: pd.DataFrame, title: str, origin: str) -> None:
    from labctl import figures  # matplotlib takes a second

    drawn = figures.draw(frame, title, origin)
    if drawn is None:
        typer.echo("these records have no figure of their own; --csv writes them to a file", err=True)
        return
    file.write_bytes(drawn)
    typer.echo(f"drawn {file}")


class _Shown:
    """A sink that also moves a progress bar."""

    def __init__(self, sink: LocalRun, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self.records = sink.records
        self.harvest = sink.harvest
        self.artifact = sink.artifact

    def progress(self, progress: Progress) -> None:
        self._bar.update(self._task, total=progress.total, completed=progress.done)
