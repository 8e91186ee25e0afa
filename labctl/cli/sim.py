"""``labctl sim``: put a simulated bench on the network ports of this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
from typing import Annotated, Literal

import typer

from labctl.cli.signals import as_interrupt
from labctl.core.errors import StationError

SERVER = "labctl_sim.serve"


def sim(
    action: Annotated[Literal["serve"], typer.Argument(help="What to do.")],
    station: Annotated[str, typer.Argument(help="A station: a name or a TOML file.")] = "demo",
    host: Annotated[str, typer.Option(help="An address of this machine itself; there are no passwords.")] = "127.0.0.1",
    socket_ports_from: Annotated[
        int,
        typer.Option(
            help="First port of the raw SCPI sockets, one per instrument; 0 takes free ones.", min=0, max=65535
        ),
    ] = 5025,
    hislip_port: Annotated[
        int, typer.Option(help="Port of HiSLIP, for all; 0 takes a free one.", min=0, max=65535)
    ] = 4880,
    clock: Annotated[
        str, typer.Option(help="'real', 'scaled:10' (ten times as fast) or 'virtual' (as fast as it can).")
    ] = "real",
    fault: Annotated[
        list[str],
        typer.Option(help="What is to go wrong, such as 'smu:garble,after_messages=3'. May be given more than once."),
    ] = [],  # noqa: B006 - typer reads the default, nobody changes it
) -> None:
    """Serve the simulated instruments of a station until Ctrl-C, to PyVISA-py, other languages and other programs.

    Each role answers at a raw socket of its own and at HiSLIP; the addresses are printed.
    """
    if importlib.util.find_spec(SERVER.partition(".")[0]) is None:
        raise StationError("the simulated instruments are not installed here; reinstall with: pip install labctl")
    words = [station, "--host", host, "--clock", clock]
    words += ["--socket-ports-from", str(socket_ports_from), "--hislip-port", str(hislip_port)]
    words += [word for text in fault for word in ("--fault", text)]
    # its standard input closes when this process ends, however it ends, and then it ends too
    server = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        [sys.executable, "-m", SERVER, *words, "--until-stdin-closes"], stdin=subprocess.PIPE
    )
    with as_interrupt("ending the servers"):
        with contextlib.suppress(KeyboardInterrupt):
            server.wait()
        if server.stdin is not None:
            server.stdin.close()
        code = server.wait()
    if code:
        raise typer.Exit(code)
