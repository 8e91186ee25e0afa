"""A bench in a notebook or a script: opened in this process, procedures run on it, results as pandas DataFrames.

Guards, journal and lock are those of ``labctl run``. Nothing is kept in a ledger: what is not saved is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from labctl import runner
from labctl.bench import bench as benches
from labctl.bench.behind import behind
from labctl.bench.owner import owning
from labctl.bench.station import load_station
from labctl.core.bits import Origin
from labctl.core.errors import ParameterError
from labctl.core.home import resolve_home
from labctl.core.procedure import Artifact, Harvest, Progress, Record
from labctl.procedures import schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class Result:
    """What a procedure measured: ``records`` has a row per record, its ``kind`` first. A notebook shows its figure.

    ``harvests`` are raw bits: they belong to this process, and nobody has counted who uses them.
    """

    procedure: str
    parameters: Mapping[str, Any]
    origin: Origin
    provenance: Mapping[str, Any]
    records: pd.DataFrame
    harvests: tuple[Harvest, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    def kind(self, name: str) -> pd.DataFrame:
        """The records of that kind, e.g. "point", without the columns of others.

        Raises ParameterError, naming the kinds there are, if there is none.
        """
        rows = self.records[self.records["kind"] == name]
        if rows.empty:
            known = ", ".join(dict.fromkeys(self.records["kind"])) or "none at all"
            raise ParameterError(f"{self.procedure} yielded no records of kind {name!r}; there are: {known}")
        return rows.drop(columns="kind").dropna(axis="columns", how="all").reset_index(drop=True)

    @property
    def fits(self) -> pd.DataFrame:
        """The fits, a row each, every value beside its standard error; empty if nothing was fitted."""
        return self.kind("fit") if (self.records["kind"] == "fit").any() else pd.DataFrame()

    @property
    def notes(self) -> list[str]:
        """What the procedure has to say about its own result."""
        return list(self.kind("note")["text"]) if (self.records["kind"] == "note").any() else []

    def plot(self, file: str | Path | None = None) -> Figure | None:
        """The figure of these records, also as PNG in ``file``; None, and no file, if they have none of their own."""
        from labctl import figures  # noqa: PLC0415 - matplotlib takes a second

        asked = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        origin = f"{self.origin} {behind(self.provenance)}"
        title = f"{self.procedure} at {self.provenance['station']}"
        figure = figures.figure(self.records, title, "; ".join(filter(None, (asked, origin))))
        if figure is not None and file is not None:
            Path(file).write_bytes(figures.png(figure))
        return figure

    def _repr_png_(self) -> bytes | None:
        from labctl import figures  # noqa: PLC0415 - as above

        figure = self.plot()
        return None if figure is None else figures.png(figure)


@dataclass
class _Kept:
    """A sink that keeps everything in memory."""

    watch: Watch | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    harvests: list[Harvest] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)

    def records(self, records: Sequence[Record]) -> None:
        self.rows += [{"kind": record.kind, **record.values} for record in records]

    def harvest(self, harvest: Harvest) -> None:
        self.harvests.append(harvest)

    def artifact(self, artifact: Artifact) -> None:
        self.artifacts.append(artifact)

    def progress(self, progress: Progress) -> None:
        if self.watch is not None:
            self.watch(progress)


class OpenBench:
    """A bench that this process has opened; made by `open_bench`. ``last`` is the last result, also a failed run's."""

    def __init__(self, bench: benches.Bench) -> None:
        self.bench = bench
        self.last: Result | None = None

    def run(self, procedure: str, *, watch: Watch | None = None, **parameters: Any) -> Result:
        """Run a procedure, e.g. ``bench.run("switching_curve", row=2, col=5)``; ``watch`` is told how far it is.

        Raises ParameterError for parameters that it does not take, and whatever instruments raise; what had been
        measured by then is in ``last``.
        """
        checked = schema.validate(procedure, parameters)
        kept = _Kept(watch)
        origin, provenance = self.bench.origin, self.bench.provenance()
        try:
            runner.run(schema.build(procedure, checked), self.bench.roles(), kept)
        except BaseException as error:
            if kept.rows:
                error.add_note(f"the {len(kept.rows)} records measured before that are in the bench's `last`")
            raise
        finally:
            self.last = Result(
                procedure=procedure,
                parameters=parameters,
                origin=origin,
                provenance=provenance,
                records=pd.DataFrame(kept.rows, columns=None if kept.rows else ["kind"]),
                harvests=tuple(kept.harvests),
                artifacts=tuple(kept.artifacts),
            )
        return self.last

    def roles(self) -> Mapping[str, Any]:
        """The instruments by role and the ``array``, guarded: what a procedure of your own would get."""
        return self.bench.roles()

    def safe(self) -> None:
        """Bring everything to rest now."""
        self.bench.safe()

    def provenance(self) -> dict[str, Any]:
        """What is needed to tell later where a result came from."""
        return self.bench.provenance()


@contextmanager
def open_bench(station: str | Path = "demo", home: str | Path | None = None) -> Iterator[OpenBench]:
    """Open every instrument of ``station`` (a name or a TOML file); however the block is left, all are at rest.

    ``home`` is where the bench's lock and journal lie; leave it out for the one that ``labctl`` uses.
    Raises StationError for mistakes in the file, IllegalTransition if another process owns the bench, and what
    `labctl.bench.bench.open_bench` raises.
    """
    found = load_station(station)
    with owning(resolve_home(home), found.name) as journal, benches.open_bench(found, journal) as bench:
        yield OpenBench(bench)
