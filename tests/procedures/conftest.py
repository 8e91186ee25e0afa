"""A simulated bench with a fixed seed, and the world behind it."""

import pytest
import pyvisa

from labctl import runner
from labctl.bench.bench import open_bench
from labctl.bench.station import load_station


class Kept:
    """A sink that keeps everything."""

    def __init__(self):
        self.items = []

    def records(self, records):
        self.items += records

    def harvest(self, harvest):
        self.items.append(harvest)

    def artifact(self, artifact):
        self.items.append(artifact)

    def progress(self, progress):
        pass

    def of(self, kind):
        return [item.values for item in self.items if getattr(item, "kind", None) == kind]


class Lab:
    """A simulated bench with a fixed seed, and the world behind it."""

    def __init__(self, bench, world):
        self.bench = bench
        self.world = world

    def run(self, procedure):
        kept = Kept()
        runner.run(procedure, self.bench.roles(), kept)
        return kept

    def junction(self, row, col):
        return self.world.array.junctions.only(row * self.world.array.cols + col)


@pytest.fixture
def lab_of(tmp_path):
    opened = []

    def make(*replacements):
        text = load_station("demo").text.replace("# noise_seed = 1 ", "noise_seed = 1 ")
        assert "\nnoise_seed = 1 " in text
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"station{len(opened)}.toml"
        path.write_text(text)
        station = load_station(str(path))
        context = open_bench(station)
        opened.append(context)
        bench = context.__enter__()
        return Lab(bench, pyvisa.ResourceManager(station.visa_library).visalib.world)

    yield make
    for context in opened:
        context.__exit__(None, None, None)
