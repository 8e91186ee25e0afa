"""``labctl submit``, ``jobs``, ``show``, ``cancel``, ``procedures``: jobs over HTTP."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from labctl.bench.behind import behind
from labctl.cli.options import DEFAULT_SERVICE, Parameters, Service, parse_parameters
from labctl.cli.tables import show_records
from labctl.client import Client, Job
from labctl.core import plugins
from labctl.core.errors import ServiceError

COLOURS = {"succeeded": "green", "failed": "red", "interrupted": "red", "cancelled": "yellow", "running": "cyan"}
SILENCE = datetime.timedelta(seconds=20)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a table for a person.")]
JobId = Annotated[str, typer.Argument(help="The job's id, as `labctl jobs` shows it.", show_default=False)]


def submit(
    procedure: Annotated[str, typer.Argument(help="What to run; `labctl procedures` lists them.", show_default=False)],
    param: Parameters = [],  # noqa: B006 - typer reads the default, nobody changes it
    bench: Annotated[str, typer.Option(help="The bench to run it on.")] = "demo",
    priority: Annotated[int, typer.Option(help="Higher runs first.")] = 0,
    owner: Annotated[
        str | None, typer.Option(envvar="LABCTL_OWNER", help="Who asks; default: the owner of your key.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key submits once.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job and show what came out.")] = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Queue a job; prints its id."""
    with Client(service) as client:
        job = client.submit(
            procedure, parse_parameters(param), bench=bench, priority=priority, owner=owner, idempotency_key=key
        )
        if not wait:
            typer.echo(job.id)
            return
        job = follow(client, job)
        _print_job(client, job)
    if job.state != "succeeded":
        raise typer.Exit(1)


def jobs(
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    bench: Annotated[str | None, typer.Option(help="Only jobs of this bench.")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=1000)] = 20,
    as_json: AsJson = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """List jobs, newest first."""
    with Client(service) as client:
        found = client.jobs(state=state, bench=bench, limit=limit)
    if as_json:
        typer.echo(json.dumps([plain(job) for job in found], indent=2))
        return
    table = Table(Column("job", no_wrap=True), "procedure", "bench", "owner", "state", "progress", "created", box=None)
    for job in found:
        progress = f"{job.done}/{job.total} {job.unit}" if job.total else ""
        state_text = f"[{COLOURS.get(job.state, 'default')}]{job.state}[/]"
        table.add_row(job.id, job.procedure, job.bench, job.owner, state_text, progress, job.created_at[5:16])
    Console().print(table if found else "no jobs; submit one with `labctl submit identify`")


def show(
    job: JobId,
    kind: Annotated[str | None, typer.Option(help="Only records of this kind.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the records to this CSV file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Save the job's files (artifacts) into this folder.")] = None,
    as_json: AsJson = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Show a job: its state, its records, its files."""
    with Client(service) as client:
        found = client.job(job)
        if as_json:
            rows = client.records(job, kind).to_dict(orient="records")
            typer.echo(json.dumps({**plain(found), "records": rows}, indent=2, default=str))
        else:
            _print_job(client, found, kind)
        if csv is not None:
            client.records(job, kind).to_csv(csv, index=False)
            typer.echo(f"records written to {csv}")
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            for artifact in client.artifacts(job):
                (save / artifact.name).write_bytes(client.artifact(job, artifact.name))
                typer.echo(f"saved {save / artifact.name}")


def cancel(job: JobId, service: Service = DEFAULT_SERVICE) -> None:
    """Cancel a job: at once if it is queued, at the next step if it runs."""
    with Client(service) as client:
        found = client.cancel(job)
    typer.echo(f"{found.id} is {found.state}" + (", will stop at its next step" if found.state == "running" else ""))


def procedures(
    name: Annotated[str | None, typer.Argument(help="Show this one with its parameters.")] = None,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """List the procedures that the service knows, or show one; without a service, those that are installed here."""
    found = _known_procedures(name, service)
    if name is None:
        listed = Table("procedure", "needs", "what it does", box=None)
        for one in found:
            listed.add_row(one["name"], ", ".join(one["roles"]), escape(one["title"]))
        Console().print(listed)
        return
    _print_procedure(found[0])


def _known_procedures(name: str | None, service: str) -> list[dict[str, Any]]:
    """All of them, or the one called ``name``."""
    try:
        with Client(service) as client:
            return client.procedures() if name is None else [client.procedure(name)]
    except ServiceError as error:
        from labctl.procedures import schema

        asked = plugins.known(plugins.PROCEDURES) if name is None else [name]
        found = [schema.describe(one) for one in asked]
        Console(stderr=True).print(f"{error}; this is what is installed here", markup=False, soft_wrap=True)
        return found


def _print_procedure(found: dict[str, Any]) -> None:
    typer.echo(found["doc"] + "\n")
    table = Table("parameter", "type", "default", "limits", box=None)
    for parameter, schema in found["schema"].get("properties", {}).items():
        limits = ", ".join(
            f"{word} {schema[key]}"
            for key, word in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("enum", "one of"))
            if key in schema
        )
        kind = schema.get("type", "")
        table.add_row(parameter, str(kind), escape(json.dumps(schema.get("default"))), limits)
    Console().print(table)


def follow(client: Client, job: Job, name: str | None = None) -> Job:
    """Wait for ``job`` with a progress bar on stderr, called ``name``; returns it in its final state."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name or job.procedure, total=None)
        _say_if_nobody_serves(client, job, bar.console)

        def seen(now: Job) -> None:
            bar.update(task, total=now.total or None, completed=now.done or 0)

        done = client.wait(job.id, on_progress=seen)
        if done.state == "succeeded":
            bar.update(task, total=done.total or 1, completed=done.done or 1)
    return done


def _say_if_nobody_serves(client: Client, job: Job, console: Console) -> None:
    """An idle agent is heard of every few seconds, a busy one with every beat: silence means that it is gone."""
    bench = next(one for one in client.benches() if one.name == job.bench)
    silent = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(bench.seen_at)
    if silent > SILENCE:
        console.print(
            f"no agent has served {job.bench!r} for {silent.total_seconds():.0f} s; the job waits until one does "
            f"(`labctl serve --station …`), and `labctl cancel {job.id}` takes it back",
            markup=False,
            soft_wrap=True,
        )


def plain(value: Any) -> dict[str, Any]:
    """A dataclass as a dict that json can write."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _print_job(client: Client, job: Job, kind: str | None = None) -> None:
    console = Console()
    console.print(
        f"[bold]{job.id}[/] {job.procedure} on {job.bench}: [{COLOURS.get(job.state, 'default')}]{job.state}[/]"
    )
    for attempt in client.runs(job.id)[-1:]:
        console.print(f"  instruments: [bold]{attempt.provenance.get('origin', 'unknown')}[/]")
        if words := behind(attempt.provenance):
            console.print(f"  {words}", markup=False, highlight=False, soft_wrap=True)
    if job.error:
        console.print(f"  {job.error}", markup=False, highlight=False, soft_wrap=True)
    show_records(console, client.records(job.id, kind), f"labctl show {job.id} --csv FILE")
    for artifact in client.artifacts(job.id):
        console.print(f"  file {artifact.name} ({artifact.media_type}, {artifact.n_bytes} bytes)", highlight=False)
