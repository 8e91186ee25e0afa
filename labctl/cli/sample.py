"""``labctl sample``: digits from the service's bits, computed on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import track

from labctl.cli.options import DEFAULT_SERVICE, Service
from labctl.client import Client
from labctl.core.bits import BitBuffer
from labctl.core.errors import ParameterError


def sample(
    labels: Annotated[str, typer.Option(help="The digits to write, '?' where the bits may choose.")] = "0123456789",
    sampler: Annotated[str, typer.Option(help="ddpm spends bits in every step, ddim only at the start.")] = "ddpm",
    steps: Annotated[int, typer.Option(help="Steps of the reverse process.", min=1, max=1000)] = 50,
    out: Annotated[Path, typer.Option(help="PNG file to write; a manifest goes beside it.")] = Path("digits.png"),
    replay: Annotated[str | None, typer.Option(help="Repeat this draw instead of spending new bits.")] = None,
    consumer: Annotated[str, typer.Option(envvar="LABCTL_OWNER", help="Who spends the bits.")] = "cli",
    accept_simulated: Annotated[bool, typer.Option("--accept-simulated", help="Take simulated bits too.")] = False,
    service: Service = DEFAULT_SERVICE,
) -> None:
    """Draw bits from the service and turn them into images here; the same draw gives the same images."""
    wanted = _labels(labels)
    kind = _sampler(sampler)
    from labctl.diffusion import digits

    needed = digits.bits_needed(len(wanted), kind, steps, 0.0)
    if not out.parent.is_dir():
        raise ParameterError(f"the folder {out.parent} of --out is not there; make it first, no bits were drawn")
    with Client(service) as client:
        if replay is None:
            drawn = client.draw(
                needed,
                consumer=consumer,
                purpose=f"{len(wanted)} digits, {kind}, {steps} steps",
                accept_simulated=accept_simulated,
            )
            draw_id, bits = drawn.id, client.take(drawn.id)
        else:
            draw_id, bits = replay, client.replay(replay)
            if len(bits) != needed:
                raise ParameterError(
                    f"draw {replay} has {len(bits):,} bits and {len(wanted)} digits by {kind} in {steps} steps need "
                    f"{needed:,}; to repeat a sample give the labels, sampler and steps that it was made with"
                )
    progress = track(range(steps), description=f"{kind}, {steps} steps", console=Console(stderr=True), transient=True)
    work = digits.sampling(BitBuffer(bits), wanted, kind, steps, 0.0, draw_ids=[draw_id])
    bar = iter(progress)
    while True:
        try:
            next(work)
            next(bar, None)
        except StopIteration as finished:
            result = finished.value
            break
    manifest = {**result.manifest, "replayed": replay is not None}
    out.write_bytes(result.png(10))
    beside = out.with_suffix(".json")
    beside.write_text(json.dumps(manifest, indent=2, default=str))
    typer.echo(f"{len(wanted)} digits in {out} from {result.bits_used:,} {bits.origin} bits (draw {draw_id}); {beside}")


def _labels(text: str) -> list[int | None]:
    wrong = sorted({c for c in text if c not in "0123456789?"})
    if wrong or not text:
        raise ParameterError(f"--labels takes digits and '?', got {text!r}; for example --labels 0123456789 or '????'")
    return [None if c == "?" else int(c) for c in text]


def _sampler(name: str) -> Literal["ddpm", "ddim"]:
    if name == "ddpm":
        return "ddpm"
    if name == "ddim":
        return "ddim"
    raise ParameterError(f"there is no sampler {name!r}; known are ddpm and ddim")
