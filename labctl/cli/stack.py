"""Service and agents as child processes of one parent, which ends them all, the bench made safe first."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from labctl.cli.rescue import rescue
from labctl.client.http import Http
from labctl.core.clock import Clock, WallClock
from labctl.core.errors import ServiceError

log = logging.getLogger("labctl.stack")

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Opening:
    """Where the service listens, and what it asks of those who call. The default is this machine alone, no keys."""

    host: str = HOST
    port: int = 0
    names: tuple[str, ...] = ()
    require_keys: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    def words(self) -> list[str]:
        """The options of the service's own command."""
        words = ["--host", self.host]
        for name in self.names:
            words += ["--name", name]
        if self.require_keys:
            words.append("--require-keys")
        for option, file in (("--tls-certificate", self.tls_certificate), ("--tls-key", self.tls_key)):
            if file is not None:
                words += [option, str(file)]
        return words

    def url(self, port: int) -> str:
        """How this machine itself reaches the service: a certificate is for a name, so with TLS by the first name."""
        if self.tls_certificate is not None:
            return f"https://{next(iter(self.names), self.host)}:{port}"
        return f"http://{HOST if self.host in EVERYWHERE else self.host}:{port}"


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound


@dataclass
class Child:
    """A process that ends itself in good order when its standard input closes.

    That works on every system and also when the parent is killed, where signals do not. ``clean_up`` is what is left
    to do when it has ended, if it did not do so itself; it may be called twice.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path | None
    clean_up: Callable[[], None] = lambda: None

    def ask_to_stop(self) -> None:
        """Ask it to end, and do not wait for that."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def stop(self, patience_seconds: float) -> None:
        """Ask it to end; end it by force when it does not."""
        self.ask_to_stop()
        try:
            self.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServiceError(
                f"the {self.name} did not end within {patience_seconds:.0f} s and was killed. If it owned a bench, its "
                "outputs MAY BE ON until that is brought to rest, which comes next; `labctl safe STATION` does so, too"
            ) from None

    def last_words(self) -> str:
        """The end of its log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-5:])


@dataclass
class Stack:
    """A running service with its agents; ``url`` is where it answers."""

    url: str
    service: Child
    agents: list[Child] = field(default_factory=list)

    def check(self) -> None:
        """Raise ServiceError, with the end of its log, if the service or an agent has ended."""
        self._check(self.service, *self.agents)

    def check_service(self) -> None:
        """Raise ServiceError if the service has ended."""
        self._check(self.service)

    def ended(self) -> list[Child]:
        """The agents that have ended since this was last asked, and their benches brought to rest."""
        gone = [child for child in self.agents if child.process.poll() is not None]
        for child in gone:
            child.clean_up()
        self.agents = [child for child in self.agents if child not in gone]
        return gone

    @staticmethod
    def _check(*children: Child) -> None:
        for child in children:
            if child.process.poll() is not None:
                raise ServiceError(
                    f"the {child.name} has ended (exit code {child.process.returncode}). {child.last_words()}"
                )


def free_port(wanted: int, host: str = HOST) -> int:
    """``wanted`` if nothing listens there, any free port if it is 0.

    Raises ServiceError if the port is taken.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise ServiceError(
                f"port {wanted} on {host} is in use ({error.strerror}); is another labctl serving there? "
                "Choose another with --port, or --port 0 for any free one"
            ) from error
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    home: Path, stations: Sequence[str], opening: Opening | int, *, logs: bool, clock: Clock | None = None
) -> Iterator[Stack]:
    """Start the service and one agent per station; end them all on leaving.

    ``opening`` may be a port of this machine (0: any free one).

    With ``logs`` their output goes to files in ``home``/logs, otherwise to this terminal.
    Raises ServiceError if the port is taken or a child does not come up.
    """
    clock = clock or WallClock()
    opening = Opening(port=opening) if isinstance(opening, int) else opening
    port = free_port(opening.port, opening.host)
    url = opening.url(port)
    # A key that lives as long as this process: its agents have it, and it is in no database.
    secret = secrets.token_urlsafe(32)
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as ends:
        words = ["labctl_server", "--home", str(home), "--port", str(port), *opening.words()]
        known = {"LABCTL_OWN_AGENTS_KEY": secret}
        stack = Stack(url, ends.enter_context(child(home, "service", words, logs=logs, more=known)))
        _await(stack, clock, "/readyz")
        for station in stations:
            stack.agents.append(ends.enter_context(agent(home, station, url, secret, logs=logs)))
        try:
            yield stack
        finally:
            for one in stack.agents:  # all at once: each may need a moment to make its bench safe
                one.ask_to_stop()


@contextlib.contextmanager
def child(
    home: Path, name: str, words: list[str], *, logs: bool, more: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run ``python -m *words`` with ``more`` in its environment until leaving, then stop it in good order."""
    with contextlib.ExitStack() as ends:
        log: Path | None = None
        out: IO[bytes] | None = None
        if logs:
            log = home / "logs" / f"{name.replace(' ', '-')}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            out = ends.enter_context(log.open("wb"))
        # a process group of its own: Ctrl-C reaches the parent alone, which ends the agents before the service
        process = subprocess.Popen(  # noqa: S603 - our own modules, by our own interpreter
            [sys.executable, "-m", *words, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=out or subprocess.DEVNULL,  # what it has to say, it says on stderr
            stderr=subprocess.STDOUT if out else None,
            # idle threads of torch would spin and take the cores from the bench
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **(more or {})},
            process_group=None if sys.platform == "win32" else 0,
            creationflags=0x200 if sys.platform == "win32" else 0,  # CREATE_NEW_PROCESS_GROUP
        )
        started = Child(name, process, log)
        ends.callback(started.stop, 60.0)
        yield started


@contextlib.contextmanager
def agent(home: Path, station: str, service: str, key: str | None = None, *, logs: bool) -> Iterator[Child]:
    """Run the agent of one station until leaving; a bench that it leaves open is brought to rest by another process.

    ``key`` is for the service, None for the one in LABCTL_KEY.
    """

    def clean_up() -> None:
        said = rescue(home, station)
        if said is not None:
            log.warning(said)

    words = ["labctl.cli.agent", "--station", station, "--service", service, "--home", str(home)]
    known = {} if key is None else {"LABCTL_KEY": key}
    try:
        with child(home, f"agent of {Path(station).stem}", words, logs=logs, more=known) as started:
            started.clean_up = clean_up
            yield started
    finally:
        clean_up()


def _await(stack: Stack, clock: Clock, path: str, limit_seconds: float = 60.0) -> None:
    deadline = clock.now() + limit_seconds
    last: ServiceError | None = None
    while clock.now() < deadline:
        stack.check()
        try:
            with Http(stack.url) as http:
                http.request("GET", path, repeatable=False, timeout_seconds=5)
            return
        except ServiceError as error:
            last = error
        clock.sleep(0.05)
    raise ServiceError(f"the service did not answer at {stack.url}{path} within {limit_seconds:.0f} s: {last}")
