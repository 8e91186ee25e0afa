"""What can be certified: a file of bits, a draw that was taken, or what a run deposited."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from labctl.client import Client
from labctl.core.bits import Bits
from labctl.core.errors import BitsRefused, NotFound, ParameterError, ServiceError
from labctl.entropy.files import BitFile, Format, opened

MOST_SEGMENTS = 100_000  # that the service lists of one job


@dataclass(frozen=True)
class Subject:
    """What is certified: files of packed bits, what they are in words, and the draw or run that they are, if any."""

    name: str
    origin: str
    files: list[BitFile]
    draw: str | None = None
    run: str | None = None

    def digest(self) -> str:
        """SHA-256 of all its bits, packed, one file after the other."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.path.open("rb") as content:
                while chunk := content.read(1 << 22):
                    digest.update(chunk)
        return digest.hexdigest()


@contextmanager
def opened_subject(subject: str, form: Format, service: str) -> Iterator[Subject]:
    """A file if there is one of that name, else a draw or a run of the service."""
    path = Path(subject)
    if path.exists() or path.suffix or len(path.parts) > 1:
        with opened(path, form) as file:
            yield Subject(path.name, "a file; nobody knows from where", [file])
        return
    if form is not Format.PACKED:
        raise ParameterError(f"there is no file {subject!r}, and bits of the service are packed; leave --format out")
    with Client(service) as client, ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="labctl-", ignore_cleanup_errors=True)))
        try:
            bits = client.replay(subject)
            found = Subject(f"draw {subject}", str(bits.origin), [_kept(folder, 0, bits)], draw=subject)
        except NotFound:
            found = _run_of(client, subject, folder)
        except ServiceError as error:
            error.add_note(f"there is no file {subject!r} here, so it was taken for a draw or a run")
            raise
        yield found


def _run_of(client: Client, run: str, folder: Path) -> Subject:
    job = run.rpartition("-")[0] or run
    try:
        attempts = client.runs(job)
    except NotFound as error:
        raise NotFound(f"{run!r} is no file, no draw and no run; `labctl bits` and `labctl jobs` list them") from error
    names = [each.id for each in attempts]
    if run != job and run not in names:
        raise NotFound(f"job {job} has no run {run!r}; it has {', '.join(names) or 'none'}")
    wanted = run if run != job else names[-1]
    segments = [each for each in client.segments(job, limit=MOST_SEGMENTS) if each.run == wanted]
    if not segments:
        raise BitsRefused(f"run {wanted} deposited no bits, so there is nothing to certify")
    files = [_kept(folder, i, client.segment_bits(each.sha256)) for i, each in enumerate(segments)]
    return Subject(f"run {wanted}", segments[0].origin, files, run=wanted)


def _kept(folder: Path, number: int, bits: Bits) -> BitFile:
    path = folder / f"{number}.bits"
    path.write_bytes(bits.packed)
    return BitFile(path, bits.count)
