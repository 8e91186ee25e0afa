"""How fast is a simulated instrument, and does it mix up replies? Ours beside its peers, in one run:

    python benchmarks/visa.py [--seconds 1] [--queries 100000]

Paths: the panel called in process without VISA; our PyVISA backend; our server over HiSLIP and over a raw socket on
loopback, through pyvisa-py, in another process; stock pyvisa-sim with a YAML device; sinstruments over a raw socket. A
peer that is not installed is skipped with a line that says so. Every number is the best of three rounds in which all
paths take their turns, because the machine has other things to do; the ratios at the end are to stock pyvisa-sim and
to the targets.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyvisa
from pyvisa.resources import MessageBasedResource

from labctl_sim import scpi_text
from labctl_sim.bench import open_bench
from labctl_sim.scpi import Command, ScpiPanel
from labctl_sim.stations import demo

BLOCK = 1 << 20
SHORT_BLOCK = 1 << 16  # what stock pyvisa-sim gets instead: its time grows with the square of the length
ROUNDS = 3
THREADS = 8
ADDRESS = "GPIB0::24::INSTR"
IDENTITY = "LABCTL,BENCHMARK,SIM0000,1"
TARGETS = {"*IDN?/s, backend": 12_000.0, "block MB/s, backend": 500.0, "block MB/s, HiSLIP": 150.0}


class Talker(ScpiPanel):
    """The least that one can ask: who are you, say this, and a megabyte."""

    payload = scpi_text.block(bytes(range(256)) * (BLOCK // 256))

    def identity(self) -> str:
        return IDENTITY

    def reset(self) -> None:
        self.state = {}

    def commands(self) -> list[Command]:
        return [
            Command("BLOCk", ask=lambda _: self.payload),
            Command("ECHO", ask=lambda call: str(call.only())),
        ]


@dataclass
class Way:
    """One way to an instrument: how its resource is opened, and what it measured."""

    name: str
    open: Callable[[], MessageBasedResource]
    block: int = BLOCK
    letters: bool = False  # whether its block is all 'A', because it cannot send every byte
    queries: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


def station(folder: Path, address: str = ADDRESS) -> Path:
    """The demo bench with the talker in the source-meter's place, at ``address``."""
    head, mark, rest = demo().read_text(encoding="utf-8").partition("[simulation.models]")
    rest = re.sub(r'(?m)^smu = ".*"$', 'smu = "benchmark_talker:Talker"', rest, count=1)
    path = folder / "station.toml"
    path.write_text(head.replace(ADDRESS, address) + mark + rest, encoding="utf-8")
    (folder / "benchmark_talker.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom visa import Talker\n", encoding="utf-8"
    )
    return path


# -- what is measured


def identities_per_second(resource: MessageBasedResource, seconds: float) -> float:
    resource.query("*IDN?")
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(50):
            resource.query("*IDN?")
        count += 50
    return count / spent


def megabytes_per_second(resource: MessageBasedResource, path: Way, seconds: float) -> float:
    """Whole blocks with the termination character off, as bits must be read; the first is checked byte by byte."""
    resource.chunk_size = 4 * BLOCK
    length = path.block
    expected = scpi_text.block(b"A" * length) if path.letters else Talker.payload
    total = len(expected) + 1
    ended = resource.read_termination
    began, count, spent = time.perf_counter(), 0, 0.0
    while spent < seconds or count < 3:
        resource.write("BLOC?")
        resource.read_termination = None
        data = resource.read_bytes(total, chunk_size=4 * BLOCK)
        resource.read_termination = ended
        assert count or data == expected + b"\n", f"{path.name}: the block is damaged"
        count, spent = count + 1, time.perf_counter() - began
    return count * length / spent / 1e6


def crossed(path: Way, queries: int) -> tuple[int, int, float]:
    """8 threads with own sessions on one instrument: (wrong replies, errors, queries/s)."""
    wrong, errors = [0] * THREADS, [0] * THREADS

    def ask(number: int) -> None:
        resource = path.open()
        resource.timeout = 2000
        for turn in range(queries // THREADS):
            said = f"{number}" if path.block != BLOCK else f"{number}{turn:07d}"
            try:
                wrong[number] += resource.query(f"ECHO? {said}").strip() != said
            except Exception:  # noqa: BLE001 - whatever a peer raises is counted
                errors[number] += 1
        resource.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(wrong), sum(errors), queries / (time.perf_counter() - began)


def in_process(seconds: float, folder: Path) -> float:
    """Queries per second of the panel itself."""
    panel = open_bench(station(folder)).devices[ADDRESS].panel
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(50):
            panel.handle(b"*IDN?\n")
        count += 50
    return count / spent


# -- the paths


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Way]:
    manager = pyvisa.ResourceManager(f"sim:{station(folder)}@labctl")
    yield Way("labctl backend", lambda: opened(manager, ADDRESS))
    manager.close()


@contextlib.contextmanager
def stock(folder: Path) -> Iterator[Way]:
    payload = "A" * SHORT_BLOCK
    said = "\n".join(f'      - {{q: "ECHO? {number}", r: "{number}"}}' for number in range(THREADS))
    (folder / "stock.yaml").write_text(
        f"""spec: "1.1"
devices:
  talker:
    eom: {{"GPIB INSTR": {{q: "\\n", r: "\\n"}}}}
    dialogues:
      - {{q: "*IDN?", r: "{IDENTITY}"}}
      - {{q: "BLOC?", r: "#{len(str(SHORT_BLOCK))}{SHORT_BLOCK}{payload}"}}
{said}
resources:
  "{ADDRESS}": {{device: talker}}
""",
        encoding="utf-8",
    )
    manager = pyvisa.ResourceManager(f"{folder / 'stock.yaml'}@sim")
    yield Way("pyvisa-sim YAML", lambda: opened(manager, ADDRESS), SHORT_BLOCK, letters=True)
    manager.close()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[list[Way]]:
    """``labctl sim serve`` in another process; HiSLIP and raw socket through pyvisa-py."""
    if importlib.util.find_spec("pyvisa_py") is None:
        print("skipped: HiSLIP, sockets and sinstruments need pyvisa-py (pip install 'labctl[real]')")
        yield []
        return
    command = [sys.executable, "-m", "labctl", "sim", "serve", str(station(folder)), "--clock", "virtual"]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [*command, "--socket-ports-from", "0", "--hislip-port", "0"],
        env=with_path(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        _, hislip, raw = next(line for line in lines if line.startswith("smu ")).split()
        manager = pyvisa.ResourceManager("@py")
        yield [
            Way("labctl, HiSLIP", lambda: opened(manager, hislip)),
            Way("labctl, raw socket", lambda: opened(manager, raw, socket_like=True)),
        ]
        manager.close()
    finally:
        process.terminate()
        process.wait()


def with_path(folder: Path) -> dict[str, str]:
    """The environment for a process that is to find the talkers in ``folder``."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@contextlib.contextmanager
def sinstruments(folder: Path) -> Iterator[list[Way]]:
    if importlib.util.find_spec("sinstruments") is None or importlib.util.find_spec("pyvisa_py") is None:
        print("skipped: sinstruments is not installed (pip install sinstruments pyvisa-py)")
        yield []
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sinstruments_talker.py").write_text(
        f"""from sinstruments.simulator import BaseDevice
BLOCK = b"#{len(str(BLOCK))}{BLOCK}" + b"A" * {BLOCK} + b"\\n"
class Talker(BaseDevice):
    def handle_message(self, message):
        message = message.strip()
        if message == b"*IDN?":
            return b"{IDENTITY}\\n"
        if message == b"BLOC?":
            return BLOCK
        return message.split()[-1] + b"\\n"
""",
        encoding="utf-8",
    )
    (folder / "sinstruments.json").write_text(
        f'{{"devices": [{{"class": "Talker", "package": "sinstruments_talker", "name": "talker", '
        f'"transports": [{{"type": "tcp", "url": ["127.0.0.1", {port}]}}]}}]}}',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "sinstruments", "-c", str(folder / "sinstruments.json")]
    process = subprocess.Popen(command, env=with_path(folder))  # noqa: S603 - our own interpreter
    try:
        await_port(port)
        manager = pyvisa.ResourceManager("@py")
        address = f"TCPIP0::127.0.0.1::{port}::SOCKET"
        yield [Way("sinstruments, socket", lambda: opened(manager, address, socket_like=True), letters=True)]
        manager.close()
    finally:
        process.terminate()
        process.wait()


def await_port(port: int, seconds: float = 20.0) -> None:
    """Until somebody listens on ``port``."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def opened(manager: pyvisa.ResourceManager, address: str, *, socket_like: bool = False) -> MessageBasedResource:
    resource = manager.open_resource(address, write_termination="\n", timeout=30_000)
    assert isinstance(resource, MessageBasedResource)
    if socket_like or manager.visalib.library_path.path.endswith(".yaml"):
        resource.read_termination = "\n"
    return resource


# -- the run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=1.0, help="per path, quantity and round")
    parser.add_argument("--queries", type=int, default=100_000, help="of the eight threads together")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # pyvisa-py tells which optional interfaces are not installed
    print(f"{platform.python_implementation()} {platform.python_version()}, pyvisa {pyvisa.__version__},", end=" ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sys.path.insert(0, name)
        paths = [stack.enter_context(ours(folder)), *stack.enter_context(served(folder))]
        paths += [stack.enter_context(stock(folder)), *stack.enter_context(sinstruments(folder))]
        raw = [in_process(options.seconds, folder) for _ in range(1)]
        resources = [path.open() for path in paths]
        for _ in range(ROUNDS):
            raw.append(in_process(options.seconds, folder))
            for path, resource in zip(paths, resources, strict=True):
                path.queries.append(identities_per_second(resource, options.seconds))
                path.megabytes.append(megabytes_per_second(resource, path, options.seconds))
        for resource in resources:
            resource.close()
        report(paths, max(raw))
        for path in paths:
            queries = options.queries if path.block == BLOCK else min(options.queries, 20_000)
            wrong, errors, rate = crossed(path, queries)
            print(f"{path.name:24} {wrong:6} crossed and {errors} errors of {queries:,} ({rate:,.0f}/s, 8 threads)")


def report(paths: list[Way], raw: float) -> None:
    print(f"\n{'':24} {'*IDN?/s':>10} {'1 MB block, MB/s':>18}   of stock pyvisa-sim")
    print(f"{'in process, no VISA':24} {raw:10,.0f}")
    base = next(path for path in paths if "pyvisa-sim" in path.name)
    for path in paths:
        queries, megabytes = max(path.queries), max(path.megabytes)
        note = f" (block of {path.block >> 10} kB)" if path.block != BLOCK else ""
        print(
            f"{path.name:24} {queries:10,.0f} {megabytes:18,.2f}   "
            f"x{queries / max(base.queries):.2f}, x{megabytes / max(base.megabytes):,.0f}{note}"
        )
    values = {"*IDN?/s, backend": max(paths[0].queries), "block MB/s, backend": max(paths[0].megabytes)}
    for path in paths:
        if "HiSLIP" in path.name:
            values["block MB/s, HiSLIP"] = max(path.megabytes)
    print()
    for what, target in TARGETS.items():
        if what in values:
            print(f"{what:24} {values[what]:10,.0f}, target {target:,.0f}: x{values[what] / target:.2f}")
    print()


if __name__ == "__main__":
    main()
