"""A process whose children own a bench, one after the other: what it is told on stdin, a forked child does.

``run PROCEDURE PARAMETERS`` runs a procedure, ``open`` opens the bench and leaves it, ``safe`` makes it safe. Each
child is announced by its number, and its end by its exit status; it leaves a line of its own in the file given.
Forked, because a fresh Python would take seconds to get to its first message.
"""

import json
import os
import sys
from pathlib import Path

from labctl import runner
from labctl.bench.bench import make_safe, open_bench
from labctl.bench.station import load_station
from labctl.core.procedure import Record
from labctl.procedures import schema


class Written:
    """A sink whose records are in a file as soon as it has them."""

    def __init__(self, path):
        self.path = path

    def records(self, records):
        with self.path.open("a") as file:
            file.writelines(json.dumps(dict(record.values)) + "\n" for record in records if isinstance(record, Record))

    def harvest(self, harvest):
        pass

    def artifact(self, artifact):
        pass

    def progress(self, progress):
        pass


def child(words, station, folder):
    journal = folder / "journal.jsonl"
    if words[0] == "safe":
        return 1 if make_safe(station, journal) else 0
    with open_bench(station, journal) as bench:
        if words[0] == "run":
            procedure = schema.build(words[1], json.loads(words[2]))
            runner.run(procedure, bench.roles(), Written(folder / "records.jsonl"))
        (folder / "said.txt").write_text(json.dumps(bench.provenance()))
    return 0


def main():
    station, folder = load_station(sys.argv[1]), Path(sys.argv[2])
    open_visa_once(station)
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            code = 1
            try:
                code = child(line.split(" ", 2), station, folder)
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(number, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)


def open_visa_once(station):
    """Import what opening a bench imports."""
    import pyvisa

    from labctl.core import plugins

    pyvisa.ResourceManager(station.visa_library).close()
    for entry in station.instruments.values():
        plugins.resolve(plugins.DRIVERS, entry.driver)
    for name in plugins.known(plugins.PROCEDURES):
        if name != "sample_digits":
            plugins.resolve(plugins.PROCEDURES, name)


main()
