"""The demo's report: what was measured, what was made from it, and where every bit went."""

from __future__ import annotations

import base64
import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from labctl import figures
from labctl.bench.behind import behind
from labctl.client import Client, Job


@dataclass(frozen=True)
class Facts:
    """Everything that the report shows; the field names are the template's."""

    station: str
    origin: str
    behind: str
    made_at: str
    version: str
    seconds: str
    jobs: dict[str, str]
    job_rows: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    fits: list[dict[str, Any]]
    health: list[dict[str, Any]]
    account: dict[str, int]
    draws: list[dict[str, Any]]
    left: list[dict[str, int]]
    samples: list[dict[str, Any]]
    curve_job: str
    switching_png: bytes
    switching_caption: str
    family_png: bytes
    family_caption: str
    raster_png: bytes
    raster_caption: str
    bias_png: bytes
    map_png: bytes
    map_caption: str
    crossbar: str


CURVE = "switching_curve"


def curve_name(width_seconds: float) -> str:
    """The short name of the job that measures a switching curve with pulses of this width."""
    return f"{CURVE} {1e9 * width_seconds:g} ns"


def gather(client: Client, jobs: Mapping[str, Job], seconds: float) -> Facts:
    """Fetch the results of the demo's ``jobs`` over the API and draw their plots."""
    read, harvest = jobs["crossbar_read"], jobs["bitstream"]
    curves = {float(j.parameters["width_seconds"]): j for name, j in jobs.items() if name.startswith(CURVE)}
    curve = curves[max(curves)]
    points = client.records(curve.id, "point")
    found = client.records(curve.id, "fit")
    junctions = client.records(read.id, "junction")
    blocks = client.records(harvest.id, "block")
    account = client.account()
    origin = next(bench.origin for bench in client.benches() if bench.name == harvest.bench)
    where = f"junction ({curve.parameters['row']}, {curve.parameters['col']})"
    width = 1e9 * float(curve.parameters["width_seconds"])
    draws = [_draw(client, draw) for draw in reversed(client.draws())]
    samples = [_sample(client, jobs[name]) for name in ("ddpm", "ddim")]
    segments = client.segments(harvest.id)
    shown = segments[0]
    siemens = junctions["siemens"].astype(float)
    return Facts(
        station=harvest.bench,
        origin=str(origin),
        behind=behind(client.runs(curve.id)[-1].provenance),
        made_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("labctl"),
        seconds=f"{seconds:.0f}",
        jobs={name: job.id for name, job in jobs.items()},
        job_rows=[
            {"id": j.id, "procedure": j.procedure, "bench": j.bench, "state": j.state, "seconds": _duration(j)}
            for j in jobs.values()
        ],
        devices=_rows(client.records(jobs["identify"].id, "device")),
        fits=_rows(found),
        health=_health(blocks),
        account={
            "deposited": sum(line.deposited for line in account),
            "drawn": sum(line.drawn for line in account),
            "left": sum(line.drawable for line in account),
            "unhealthy": sum(line.unhealthy for line in account),
        },
        draws=draws,
        left=_by_junction((s.row, s.col, s.n_bits - s.next_bit) for s in segments if s.healthy),
        samples=samples,
        curve_job=curve.id,
        switching_png=figures.png(figures.probability(points, found, f"{where}, {width:g} ns pulses, {origin}")),
        switching_caption=f"Switching probability of {where} against pulse amplitude, {len(points)} voltages.",
        family_png=figures.png(
            figures.switching_family(
                {seconds: client.records(job.id, "point") for seconds, job in curves.items()}, f"{where}, {origin}"
            )
        ),
        family_caption=(
            f"The same for pulses of {len(curves)} widths at half height, with edges of "
            f"{1e9 * float(curve.parameters['edge_seconds']):g} ns; lines join the points. The volts remove the "
            "barrier and the magnetisation turns "
            "about the in-plane field: a short pulse catches it on its way, a long one has let it come to rest in the "
            "plane, from where it falls to either side: 1/2, the grey line, is the limit of long pulses"
        ),
        raster_png=figures.png(
            figures.bit_raster(client.segment_bits(shown.sha256), f"junction ({shown.row}, {shown.col}), {origin}")
        ),
        raster_caption=f"The first bits of segment {shown.sha256[:12]}…, junction ({shown.row}, {shown.col}).",
        bias_png=figures.png(
            figures.junction_bias(blocks, f"{int(blocks['n'].astype(float).sum()):,} raw bits, {origin}")
        ),
        map_png=figures.png(
            figures.conductance_map(junctions, f"read at ±{read.parameters['read_volts']} V, {origin}")
        ),
        crossbar=f"{len(junctions)} junctions, mean conductance {1e6 * siemens.mean():.1f} µS",
        map_caption=(
            f"Conductance of {len(junctions)} junctions; mean {1e6 * siemens.mean():.1f} µS. "
            "The bright ones are parallel, the dark ones antiparallel"
        ),
    )


def render(facts: Facts) -> str:
    """The report as one self-contained HTML page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(files("labctl.cli").joinpath("report.html.j2").read_text(encoding="utf-8"))
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return template.render(values, png=lambda data: "data:image/png;base64," + base64.b64encode(data).decode())


def summary(facts: Facts) -> list[str]:
    """What the demo did, in a few lines."""
    fit = next((f for f in facts.fits if f["model"] == "barrier"), None)
    lines = [f"instruments  {', '.join(str(d['model']) for d in facts.devices)} ({facts.origin})"]
    if fit:
        centre, error = 1e3 * fit["centre_volts"], 1e3 * fit["centre_volts_error"]
        lines.append(
            f"switching    P = 1/4 at {centre:.1f} ± {error:.1f} mV, slope {fit['slope_per_volt']:.1f} per volt"
        )
    healthy = sum(h["healthy"] for h in facts.health)
    lines += [
        f"bits         {facts.account['deposited']:,} from {len(facts.health)} junctions ({healthy} healthy), "
        f"{facts.account['drawn']:,} drawn, {facts.account['left']:,} left",
        f"crossbar     {facts.crossbar}",
    ]
    lines += [
        f"images       {s['images']} digits by {s['sampler'].upper()} from {s['bits_used']:,} {s['origin']} bits, "
        f"draw {s['draw_id']}"
        for s in facts.samples
    ]
    return lines


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return rows


def _health(blocks: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for _, group in blocks.groupby(["row", "col"], sort=True):
        n = group["n"].astype(float)
        rows.append(
            {
                "row": int(group["row"].iloc[0]),
                "col": int(group["col"].iloc[0]),
                "n": int(n.sum()),
                "share": float(group["ones"].astype(float).sum() / n.sum()),
                "lag1": float(np.average(group["lag1"].astype(float), weights=n)),
                "p_switch": float(np.average(group["p_switch"].astype(float), weights=n)),
                "longest_run": int(group["longest_run"].astype(int).max()),
                "rct_cutoff": int(group["rct_cutoff"].astype(int).iloc[0]),
                "rct_alarms": int(group["rct_alarms"].astype(int).sum()),
                "apt_alarms": int(group["apt_alarms"].astype(int).sum()),
                "healthy": bool(group["healthy"].astype(bool).all()),
            }
        )
    return rows


def _draw(client: Client, draw: Any) -> dict[str, Any]:
    parts = client.audit(draw.id)
    return {
        "id": draw.id,
        "consumer": draw.consumer,
        "purpose": draw.purpose,
        "n_bits": draw.n_bits,
        "junctions": _by_junction((part.row, part.col, part.stop_bit - part.start_bit) for part in parts),
    }


def _by_junction(counts: Iterable[tuple[int, int, int]]) -> list[dict[str, int]]:
    """(row, col, bits) summed up by junction; junctions without bits are left out."""
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for row, col, n_bits in counts:
        sums[row, col] += n_bits
    return [{"row": row, "col": col, "n_bits": n} for (row, col), n in sorted(sums.items()) if n]


def _sample(client: Client, job: Job) -> dict[str, Any]:
    record = _rows(client.records(job.id, "sample"))[0]
    manifest = json.loads(client.artifact(job.id, "manifest.json"))
    return {**record, "png": client.artifact(job.id, "digits.png"), "digest": str(manifest["images_sha256"])}


def _duration(job: Job) -> str:
    if not (job.started_at and job.ended_at):
        return ""
    began, ended = (datetime.datetime.fromisoformat(text) for text in (job.started_at, job.ended_at))
    return f"{(ended - began).total_seconds():.1f}"
