"""A person's own profile: what is wrong is said all at once, with file, key and remedy; what is right is drawn."""

import numpy as np
import pytest

from labctl.core.errors import StationError
from labctl_sim import profile

GOOD = {"value": "1.0", "unit": '"1"', "source": '"a test"', "status": '"assumed"'}


def entry(key, **changes):
    lines = {**GOOD, **changes}
    return f"[{key}]\n" + "\n".join(f"{name} = {value}" for name, value in lines.items() if value is not None) + "\n"


@pytest.fixture
def load(tmp_path):
    def from_text(text, base="vcma_long_pulse"):
        (tmp_path / "mine.toml").write_text((f'base = "{base}"\n' if base else "") + text, encoding="utf-8")
        return profile.load("mine.toml", tmp_path)

    return from_text


def refusal(load, text, base="vcma_long_pulse"):
    with pytest.raises(StationError) as caught:
        load(text, base)
    message = str(caught.value)
    assert "mine.toml" in message
    return message


CORRELATION = '[[correlation]]\nbetween = ["{}", "{}"]\nvalue = {}\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            entry("parallel_ohms", value="-3e3", unit='"ohm"'),
            ["[parallel_ohms] value", "-3000", "at least 0.001", "30e3"],
        ),
        (entry("parallel_ohms", value='"many"', unit='"ohm"'), ["[parallel_ohms] value", "'many'", "number"]),
        (entry("parallel_ohms", value="nan", unit='"ohm"'), ["[parallel_ohms] value", "nan", "finite"]),
        (entry("diameter_meters", value="60", unit='"nm"'), ["[diameter_meters] unit", "'nm'", "'m'", "60e-9"]),
        (entry("tmr", source=None), ["[tmr] source", "missing"]),
        (entry("tmr", status='"guessed"'), ["[tmr] status", "guessed", "literature, measured, assumed"]),
        (entry("tmr", distribution='"flat"'), ["[tmr] distribution", "flat", "lognormal"]),
        (entry("tmr", spread="-0.1"), ["[tmr] spread", "-0.1", "at least 0"]),
        (entry("tmr", spread="0.3"), ["[tmr] spread", "0.3", "keep it below 0.2", "lognormal"]),
        (entry("tmr", spraed="0.1"), ["[tmr] spraed", "did you mean 'spread'"]),
        (entry("damping", value="30.0"), ["[damping] value", "no more than 20"]),
        (entry("bz_tesla", value="0.0", unit='"T"', spread="1e-4", distribution='"lognormal"'), ["bz_tesla", "normal"]),
        (entry("temperature_kelvin", value="300.0", unit='"K"', spread="0.1"), ["whole wafer"]),
        (entry("shorted_fraction", value="0.7") + entry("open_fraction", value="0.7"), ["1.4", "lower"]),
        (entry("paralel_ohms"), ["paralel_ohms", "did you mean 'parallel_ohms'"]),
        ('tmr_law = "cubic"\n', ["tmr_law", "cubic", "hikstor"]),
        ("correlation = 3\n", ["list of tables"]),
        (CORRELATION.format("parallel_ohms", "stability", 0.3), ["correlation 1", "'stability'", "no spread"]),
        (CORRELATION.format("parallel_ohms", "tmr", 1.5), ["correlation 1", "1.5", "-1 ... 1"]),
        (CORRELATION.format("tmr", "damping", 0.1) + CORRELATION.format("damping", "tmr", 0.1), ["second time"]),
        (
            CORRELATION.format("parallel_ohms", "tmr", 0.9) + CORRELATION.format("tmr", "diameter_meters", 0.9),
            ["eigenv"],
        ),
        # A layer that lies in its plane: Delta below zero.
        (
            entry("interface_anisotropy_joules_per_square_meter", value="0.2e-3", unit='"J/m^2"'),
            ["K_eff at rest is -", "must be 0 or more", "raise the interface anisotropy"],
        ),
        (
            entry("interface_anisotropy_joules_per_square_meter", value="0.355e-3", unit='"J/m^2"', spread="0.1"),
            ["Delta 66", "some junctions", "keep the spread below 13:", "interface_anisotropy"],
        ),
        (entry("parallel_ohms", value="1" + 400 * "0", unit='"ohm"'), ["[parallel_ohms] value", "401 char", "finite"]),
        (entry("parallel_ohms", value="1" + 5000 * "0", unit='"ohm"'), ["not TOML"]),  # Python itself refuses it
        ("tmr = " + 5000 * "[" + "\n", ["not TOML"]),
        (entry("breakdown_weibull_slope", value="1e-3"), ["breakdown_weibull_slope", "0.001", "at least 0.1", "1.5"]),
        (
            entry("parallel_ohms", value="3e4", unit='"ohm"', spread="5.0", distribution='"lognormal"'),
            ["[parallel_ohms] spread", "5", "keep it below 3.44"],
        ),
        (
            entry("flicker_power", value="1e-8", spread="1e9", distribution='"lognormal"'),
            ["flicker", "keep it below 9"],
        ),
        (entry("stability", value="30.0"), ["former kind", "stability", "K_eff volume/kT", "base ="]),
        (entry("attempt_seconds", value="1e-9", unit='"s"'), ["former kind", "attempt_seconds", "damping"]),
    ],
)
def test_a_mistake_is_named_with_its_remedy(load, text, said):
    message = refusal(load, text)
    for words in said:
        assert words in message


@pytest.mark.parametrize(
    ("name", "value", "unit", "spread", "said"),
    [
        ("diameter_meters", "1.0", "m", "0", ["1", "no more than 1e-05", "60e-9"]),
        ("diameter_meters", "1e-12", "m", "0", ["1e-12", "at least 1e-09", "60e-9"]),
        ("diameter_meters", "1e-6", "m", "0", ["Delta is 1.63e+04", "ends at 300", "lower", "diameter"]),
        ("diameter_meters", "3e-9", "m", "0", ["Delta is 0.", "takes 1", "raise", "diameter"]),
        ("thickness_meters", "1e-6", "m", "0", ["1e-06", "no more than 1e-07", "1.1e-9"]),
        ("oxide_meters", "1e-30", "m", "0", ["1e-30", "at least 1e-10", "1.4e-9"]),
        ("interface_anisotropy_joules_per_square_meter", "1.0", "J/m^2", "0", ["1", "no more than 0.1", "0.32e-3"]),
        ("interface_anisotropy_joules_per_square_meter", "1e-3", "J/m^2", "0", ["Delta is ", "ends at 300", "lower"]),
        ("damping", "1e-9", "1", "0", ["1e-09", "at least 0.002", "0.05"]),
        ("temperature_kelvin", "1e-3", "K", "0", ["0.001", "at least 1", "300"]),
        ("temperature_kelvin", "1e5", "K", "0", ["100000", "no more than 1000", "300"]),
        ("temperature_kelvin", "20.0", "K", "0", ["Delta is 990", "ends at 300", "raise the temperature"]),
        ("bx_tesla", "10.1", "T", "0", ["10.1", "no more than 10", "0.03"]),
        ("bx_tesla", "0.5", "T", "0", ["bx_tesla and by_tesla", "B_k = 0.281 T", "one state only", "lower the field"]),
        ("by_tesla", "0.27", "T", "0.01", ["bx_tesla and by_tesla", "0.28", "one state only", "its spread"]),
        ("bz_tesla", "-1.0", "T", "0", ["bz_tesla", "1 T", "B_k = 0.281 T", "one state only", "lower the field"]),
        ("bz_tesla", "0.0", "T", "1.0", ["bz_tesla, with 5 deviations, reach 5 T", "lower the field or its spread"]),
        ("cycle_anisotropy_spread", "0.577", "1", "0", ["0.577", "no more than 0.5"]),
        ("vcma_joules_per_volt_meter", "1e-10", "J/(V m)", "0", ["1e-10", "no more than 2e-12", "60e-15"]),
        ("vcma_joules_per_volt_meter", "0.0", "J/(V m)", "0", ["volts do nothing", "spin_polarisation"]),
        ("parallel_ohms", "1e-300", "ohm", "0", ["1e-300", "at least 0.001", "30e3"]),
        ("broken_ohms", "1e300", "ohm", "0", ["1e+300", "no more than 1e+15", "300"]),
    ],
)
def test_an_impossible_junction_is_refused_when_it_is_read(load, name, value, unit, spread, said):
    text = entry(name, value=value, unit=f'"{unit}"', spread=None if spread == "0" else spread)
    message = refusal(load, text)
    for words in said:
        assert words in message


def test_a_heavy_layer_in_a_strong_field_is_refused(load):
    numbers = {"temperature_kelvin": ("75.0", "K"), "bx_tesla": ("0.2", "T"), "diameter_meters": ("60e-9", "m")}
    numbers["interface_anisotropy_joules_per_square_meter"] = ("0.355e-3", "J/m^2")  # these without their spreads
    message = refusal(load, "".join(entry(k, value=v, unit=f'"{u}"') for k, (v, u) in numbers.items()))
    for words in ("reach 0.2 T, 375 kT of the layer's moment", "ends at 300", "lower the field"):
        assert words in message


def test_a_profile_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StationError, match=r"mine\.toml is not TOML.*utf-8"):
        profile.load("mine.toml", tmp_path)


def test_all_mistakes_are_told_at_once(load):
    message = refusal(load, entry("tmr", value="-1.0", unit='"%"') + entry("damping", status='"?"') + entry("colour"))
    assert "4 mistakes" in message
    for words in ("[tmr] value", "[tmr] unit", "[damping] status", "colour"):
        assert words in message


@pytest.mark.parametrize("given", ["80e-9", '"80 nm"', "[80e-9]"])
def test_a_number_that_is_no_table_is_one_mistake(load, given):
    message = refusal(load, f"diameter_meters = {given}\n")
    assert "1 mistake:" in message
    assert 'as a table, [diameter_meters] with value = 60e-9, unit = "m"' in message


def test_a_profile_that_is_not_there_is_said_with_the_place(tmp_path):
    with pytest.raises(StationError) as caught:
        profile.load("nofile.toml", tmp_path)
    for words in (str(tmp_path / "nofile.toml"), "No such file", "check the path", "shipped are"):
        assert words in str(caught.value)
    with pytest.raises(StationError, match=r"no junction profile 'vcma'; your own is named by its path, with \.toml"):
        profile.load("vcma", tmp_path)


def test_a_profile_of_its_own_needs_every_number(load):
    message = refusal(load, entry("tmr"), base=None)
    for words in ("[parallel_ohms] is missing", "[diameter_meters] is missing", "[breakdown_volts] is missing"):
        assert words in message
    assert "[bx_tesla]" not in message  # what stands in for that is no field at all


def test_a_base_that_leads_back_to_itself_is_refused(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f'base = "{other}.toml"\n')
    with pytest.raises(StationError, match="leads back to itself"):
        profile.load("a.toml", tmp_path)


def test_what_differs_from_the_base_is_all_that_differs(load):
    mine, base = load(entry("tmr", value="1.5", spread="0.02")), profile.load("vcma_long_pulse")
    ours, theirs = (kind.junctions(50, np.random.Generator(np.random.PCG64(1))) for kind in (mine, base))
    np.testing.assert_allclose(ours.tmr, 1.5 * theirs.tmr, rtol=1e-12)
    np.testing.assert_array_equal(ours.parallel_ohms, theirs.parallel_ohms)
    np.testing.assert_array_equal(ours.layer.stability(), theirs.layer.stability())
    assert mine.quantities["parallel_ohms"].source == base.quantities["parallel_ohms"].source


def test_a_new_spread_moves_no_other_number(load):
    mine = load(entry("broken_ohms", value="300.0", unit='"ohm"', spread="0.5", distribution='"lognormal"'))
    ours, theirs = (
        kind.junctions(50, np.random.Generator(np.random.PCG64(1))) for kind in (mine, profile.load("vcma_long_pulse"))
    )
    assert ours.broken_ohms.std() > 0 == theirs.broken_ohms.std()
    for name in ("parallel_ohms", "tmr", "defects"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_array_equal(ours.endurance.breakdown_strength, theirs.endurance.breakdown_strength)


def test_a_wafer_is_its_seed_and_its_beginning_no_matter_of_its_size():
    kind = profile.load("vcma_precessional")
    small, again, large = (kind.junctions(n, np.random.Generator(np.random.PCG64(3))) for n in (9, 9, 99))
    np.testing.assert_array_equal(small.parallel_ohms, again.parallel_ohms)
    np.testing.assert_array_equal(small.tmr, large.tmr[:9])
    other = kind.junctions(9, np.random.Generator(np.random.PCG64(4)))
    assert (other.parallel_ohms != small.parallel_ohms).all()


def test_a_number_without_spread_is_correlated_with_none(load):
    drawn = load(entry("diameter_meters", value="60e-9", unit='"m"')).junctions(
        9, np.random.Generator(np.random.PCG64(1))
    )
    np.testing.assert_array_equal(drawn.layer.of("diameter_meters"), 60e-9)


@pytest.mark.parametrize("value", [-1.0, -0.6, 0.0, 0.3, 1.0])
def test_correlations_and_spreads_are_as_given(load, value):
    text = entry("tmr", value="1.0", spread="0.02") + CORRELATION.format("tmr", "damping", value)
    text += CORRELATION.format("parallel_ohms", "diameter_meters", -0.8)  # in place of the base's -0.4
    n = 20_000
    drawn = load(text).junctions(n, np.random.Generator(np.random.PCG64(8)))
    logs = np.log(drawn.parallel_ohms)
    # Five standard errors each: false alarm 6e-7 with another seed, none with this one.
    found = np.corrcoef(drawn.tmr, drawn.layer.of("damping"))[0, 1]
    assert found == pytest.approx(value, abs=5 * (1 - value**2) / np.sqrt(n) + 1e-5)
    assert logs.std() == pytest.approx(0.05, rel=5 / np.sqrt(2 * n))
    assert drawn.tmr.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * n))
    between = np.corrcoef(logs, np.log(drawn.layer.of("diameter_meters")))[0, 1]
    assert between == pytest.approx(-0.8, abs=5 * (1 - 0.64) / np.sqrt(n))


def test_defects_come_in_their_fractions(load):
    shares = {"stuck_p": 0.01, "stuck_ap": 0.02, "shorted": 0.03, "open": 0.04}
    n = 50_000
    defects = (
        load("".join(entry(f"{kind}_fraction", value=share) for kind, share in shares.items()))
        .junctions(n, np.random.Generator(np.random.PCG64(6)))
        .defects
    )
    counts = np.bincount(defects, minlength=5)
    for code, share in enumerate(shares.values(), 1):  # five standard errors: false alarm 6e-7 each
        assert counts[code] / n == pytest.approx(share, abs=5 * np.sqrt(share / n))
