"""``labctl demo``: the whole experiment on the simulated bench, through the REST API alone."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from labctl.cli import report, stack
from labctl.cli.jobs import follow
from labctl.cli.signals import as_interrupt
from labctl.client import Client, Job
from labctl.core.clock import WallClock
from labctl.core.errors import LabError

LABELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 2
JUNCTIONS = [[row, (3 * row + 1) % 8] for row in range(8)]
"""One junction on every word line, spread over the bit lines."""

CURVE = {"row": 2, "col": 5, "start_volts": 0.5, "stop_volts": 0.95, "points": 61}
"""Steps of 7.5 mV: the curve of 5 ns rises and falls within 100 mV, and half as many points would cut its tops."""
WIDTHS_SECONDS = (2e-9, 3e-9, 5e-9, 10e-9, 20e-9)
"""Of the pulses whose switching curves are measured: from half a precession to where a pulse is forgotten."""

STEPS = 50
BITS_PER_JUNCTION = 1_703_936
"""Eight junctions give 13.6 Mbit: 12.5 for twenty images by DDPM (16 bits x 784 pixels x 50 draws of noise each),
0.25 for twenty by DDIM, and some to spare."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for report.html.", file_okay=False)] = Path("labctl-demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the service up afterwards, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(help="Port of the service; 0 takes any free one.", min=0, max=65535)] = 0,
) -> None:
    """Run the whole chain on the simulated bench, from instruments through SQL to images, and write a report."""
    console = Console(stderr=True, highlight=False)
    clock = WallClock()
    began = clock.now()
    with (
        as_interrupt("stopping"),
        _home() as home,
        stack.running(home, ["demo", "sampler"], port, logs=True) as running,
    ):
        console.print(
            f"service and agents are up at {running.url}; everything here is [bold]simulated[/]", soft_wrap=True
        )
        with Client(running.url) as client:
            _await_benches(client, running, clock)
            jobs = _experiment(client)
            out.mkdir(parents=True, exist_ok=True)
            page = out / "report.html"
            facts = report.gather(client, jobs, seconds=clock.now() - began)
            page.write_text(report.render(facts), encoding="utf-8")
        for line in report.summary(facts):
            typer.echo(line)
        typer.echo(f"report: {page.resolve()}   ({clock.now() - began:.0f} s)")
        if keep:
            typer.echo(f"the service stays up at {running.url} (API page {running.url}/docs); Ctrl-C stops it")
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    running.check()
                    clock.sleep(0.5)
            typer.echo("stopping; the demo's data go with it")


def _experiment(client: Client) -> dict[str, Job]:
    """Submit the jobs one after the other and wait for each; returns them by a short name."""
    wishes: list[tuple[str, str, str, dict[str, Any]]] = [
        ("identify", "identify", "demo", {}),
        *(
            (report.curve_name(width), "switching_curve", "demo", {**CURVE, "width_seconds": width})
            for width in WIDTHS_SECONDS
        ),
        ("bitstream", "bitstream", "demo", {"junctions": JUNCTIONS, "bits_per_junction": BITS_PER_JUNCTION}),
        ("crossbar_read", "crossbar_read", "demo", {}),
        ("ddpm", "sample_digits", "sampler", _sampling("ddpm")),
        ("ddim", "sample_digits", "sampler", _sampling("ddim")),
    ]
    done = {}
    for name, procedure, bench, parameters in wishes:
        job = follow(client, client.submit(procedure, parameters, bench=bench, owner="demo"), name)
        if job.state != "succeeded":
            raise LabError(f"the demo's job {job.id} ({procedure}) {job.state}: {job.error}")
        done[name] = job
    return done


def _sampling(sampler: str) -> dict[str, Any]:
    return {"labels": LABELS, "sampler": sampler, "steps": STEPS, "accept_simulated": True}


def _await_benches(client: Client, running: stack.Stack, clock: WallClock) -> None:
    deadline = clock.now() + 60
    while {bench.name for bench in client.benches()} < {"demo", "sampler"}:
        running.check()
        if clock.now() > deadline:
            raise LabError(f"the agents did not come up within 60 s; their logs: {running.agents[0].last_words()}")
        clock.sleep(0.05)


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """A fresh home folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="labctl-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
