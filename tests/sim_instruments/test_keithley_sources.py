"""Every name of the Keithleys' tables says where it is from, and what no manual vouches for can be listed."""

import pytest

from labctl_sim.bench import open_bench
from labctl_sim.sources import sources, to_verify
from labctl_sim.stations import demo

ROLES = {"keithley2400": "smu", "keithley2636b": "smu", "keithley707b": "matrix", "keithley7001": "matrix"}


@pytest.fixture(scope="module", params=ROLES)
def panel(request, tmp_path_factory):
    role = ROLES[request.param]
    path = tmp_path_factory.mktemp("sources") / "station.toml"
    usual = {"smu": 'smu = "keithley2400"', "matrix": 'matrix = "keithley707b"'}[role]
    text = demo().read_text(encoding="utf-8")
    assert usual in text
    path.write_text(text.replace(usual, f'{role} = "{request.param}"'), encoding="utf-8")
    return next(device.panel for device in open_bench(path).devices.values() if device.role == role)


def test_no_name_is_without_a_source(panel):
    assert [name for name, (page, _) in sources(panel).items() if not page] == []


def test_a_tag_without_a_page_vouches_for_nothing(panel):
    unsure = to_verify(panel)
    for name, (page, _) in sources(panel).items():
        if page in ("TMD", "PM", "OEFET", "QKT", "QC", "MEM"):
            assert name in unsure
    assert 0 < len(unsure) < len(sources(panel))


def test_known_ones(panel):
    unsure = to_verify(panel)
    known = {"smua.source.limiti", "channel.close", "OUTPut#[:STATe]", "*IDN"} & set(sources(panel))
    doubtful = {"smua.source.delay", "delay", "SYSTem:TIME", "[ROUTe]:CONFigure:BBMake"} & set(sources(panel))
    assert known
    assert doubtful
    assert not known & set(unsure)
    assert doubtful <= set(unsure)
