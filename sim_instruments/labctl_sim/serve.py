"""A simulated bench for other programs, languages and machines: ``python -m labctl_sim.serve STATION``.

The instruments are the same objects as behind ``sim:STATION@labctl``; what is between is real: sockets, HiSLIP, time.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from labctl.core.errors import LabError, StationError
from labctl_sim import fault, sockets, station
from labctl_sim.bench import SimBench, open_bench
from labctl_sim.hislip import HislipServer
from labctl_sim.listener import Listener, close, loopback

SOCKET_PORTS_FROM = 5025  # the port that SCPI has at IANA
HISLIP_PORT = 4880
ADDRESS = re.compile(r"(?m)^\s*[\"']?(\w+(?:::[^\s:\"']+)+)[\"']?\s*:\s*(?:#.*)?$")  # a key of its table of resources


@dataclass(frozen=True)
class Served:
    """A bench that is being served: VISA addresses by role, spelled as PyVISA-py reads them."""

    bench: SimBench
    hislip: dict[str, str]
    sockets: dict[str, str]

    def lines(self) -> Iterator[str]:
        """A table for people: role, HiSLIP address, socket address."""
        for role in self.hislip:
            yield f"{role:12} {self.hislip[role]:45} {self.sockets[role]}"


@contextlib.contextmanager
def serving(
    bench: SimBench, host: str = "127.0.0.1", socket_ports_from: int = 0, hislip_port: int = 0
) -> Iterator[Served]:
    """Serve ``bench`` until leaving; port 0 takes any free one.

    Raises StationError if ``host`` is not this machine, or a port is taken.
    """
    address = loopback(host)
    servers: list[Listener] = []
    try:
        hislip = HislipServer(bench, address, hislip_port)
        servers.append(hislip.listener)
        listeners = sockets.listen(bench, address, socket_ports_from)
        servers.extend(listeners.values())
        yield Served(
            bench,
            {role: f"TCPIP0::{address}::{sub},{hislip.port}::INSTR" for role, sub in hislip.addresses().items()},
            {role: f"TCPIP0::{address}::{listener.port}::SOCKET" for role, listener in listeners.items()},
        )
    finally:
        close(servers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, or until standard input closes where that is asked for; the exit code."""
    options = _options(arguments)
    over = Event()
    try:
        wrong = [fault.parse(text) for text in options.fault]
        bench = open_bench(station.find(options.station), clock=options.clock, faults=wrong)
        with serving(bench, options.host, options.socket_ports_from, options.hislip_port) as served:
            for line in served.lines():
                print(line)
            if bench.plan.pyvisa_sim is not None:
                print(_unserved(bench.plan.pyvisa_sim))
            print(f"serving {bench.plan.name}, clock {options.clock}; Ctrl-C ends", flush=True)
            if options.until_stdin_closes:
                Thread(target=_watch, args=(over,), daemon=True).start()
            for number in {signal.SIGINT, signal.SIGTERM}:
                signal.signal(number, lambda *_: over.set())
            while not over.wait(0.2):  # in pieces: on Windows nothing interrupts a wait
                pass
    except LabError as error:
        print(f"labctl: {error}", file=sys.stderr)
        return 2 if isinstance(error, StationError) else 1
    return 0


def _unserved(path: Path) -> str:
    """What to say of the devices of a pyvisa-sim file."""
    try:
        addresses = sorted(ADDRESS.findall(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise StationError(f"pyvisa_sim = {str(path)!r} cannot be read: {error}; check the path") from error
    named = ", ".join(addresses) or "its devices"
    return f"not served, for pyvisa-sim has no network ports: {named} of {path.name}; use sim:STATION@labctl for these"


def _watch(over: Event) -> None:
    sys.stdin.read()
    over.set()


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m labctl_sim.serve", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("station", help="a station: a name or a TOML file")
    parser.add_argument("--host", default="127.0.0.1", help="an address of this machine itself")
    parser.add_argument("--socket-ports-from", type=int, default=SOCKET_PORTS_FROM, metavar="N")
    parser.add_argument("--hislip-port", type=int, default=HISLIP_PORT, metavar="N")
    parser.add_argument("--clock", default="real", metavar="virtual|real|scaled:X")
    parser.add_argument("--fault", action="append", default=[], metavar="DEVICE:KIND[,NAME=VALUE...]")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
