"""Against NIST's C, arcetri's corrections and the standard's own examples."""

import json
from pathlib import Path

import numpy as np
import pytest

from labctl.core.bits import Bits, Origin
from labctl.entropy import sp800_22
from labctl.entropy.sp800_22 import Parameters, Profile
from labctl.entropy.sp800_22.longest_run import class_probabilities
from labctl.entropy.sp800_22.templates import overlapping_classes

KNOWN = json.loads((Path(__file__).parents[2] / "data" / "sp800_22_known_answers.json").read_text())
NAMES = ("pi", "e", "sqrt2")
EXACT = Parameters(profile=Profile.EXACT)


def p_values(values, parameters=sp800_22.NIST, tests=None):
    found = {}
    for result in sp800_22.run(Bits.of(np.asarray(values), Origin.SIMULATED), parameters, tests):
        found.setdefault(result.test, []).append(result.p_value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_all_188_p_values_are_those_of_the_c(name, digits):
    found = p_values(digits[name])
    assert sum(map(len, found.values())) == 188
    assert list(found) == list(KNOWN["million"][name])
    for test, expected in KNOWN["million"][name].items():
        assert found[test] == pytest.approx(expected, rel=0, abs=1e-9), test


@pytest.mark.parametrize("case", KNOWN["odd"], ids=lambda case: f"{case['bits']}-{len(case['parameters'])}")
def test_so_are_those_of_short_odd_and_bad_sequences_and_other_parameters(case, digits):
    values = eval(case["bits"], {}, digits)  # noqa: S307  the expressions stand in our own file
    found = p_values(values, Parameters(**case["parameters"]))
    for test, expected in case["p"].items():
        if expected is None:
            assert set(found[test]) == {None}, test
        else:
            assert found[test] == pytest.approx(expected, rel=0, abs=1e-9), test


@pytest.mark.parametrize("name", NAMES)
def test_the_exact_profile_corrects_three_tests_and_no_other(name, digits):
    found, expected = p_values(digits[name], EXACT), KNOWN["exact"][name]
    corrected = {"longest_run", "overlapping_template", "linear_complexity"}
    for test in found:
        if test in corrected:
            assert found[test] == pytest.approx([expected[test]], rel=0, abs=6e-7), test
        else:
            assert found[test] == pytest.approx(KNOWN["million"][name][test], rel=0, abs=1e-7), test


def test_class_probabilities_are_the_published_ones():
    known = KNOWN["class_probabilities"]
    assert class_probabilities(10_000, 10, 16) == pytest.approx(known["longest_run_M10000_le10_to_ge16"], abs=1e-13)
    assert class_probabilities(128, 4, 9) == pytest.approx(known["longest_run_M128_le4_to_ge9"], abs=1e-13)
    assert class_probabilities(8, 1, 4) == (55 / 256, 94 / 256, 59 / 256, 48 / 256)
    assert overlapping_classes(9) == pytest.approx(known["overlapping_m9_M1032"], abs=1e-13)


# SP 800-22 rev. 1a, sections 2.1 to 2.15, where the program agrees with the text; p to six digits
WORKED = [
    ("frequency", "1011010101", {}, [0.527089]),
    ("frequency", 100, {}, [0.109599]),
    ("block_frequency", "0110011010", {"block_frequency_length": 3}, [0.801252]),
    ("block_frequency", 100, {"block_frequency_length": 10}, [0.706438]),
    ("runs", "1001101011", {}, [0.147232]),
    ("runs", 100, {}, [0.500798]),
    (
        "longest_run",
        "11001100000101010110110001001100111000000000001001"
        "00110101010001000100111101011010000000110101111100"
        "1100111001101101100010110010",
        {},
        [0.180609],
    ),
    ("serial", "0011011101", {"serial_length": 3}, [0.808792, 0.670320]),
    ("approximate_entropy", "0100110101", {"approximate_entropy_length": 3}, [0.261961]),
    ("approximate_entropy", 100, {"approximate_entropy_length": 2}, [0.235301]),
    ("cumulative_sums", 100, {}, [0.219194, 0.114866]),
]


@pytest.mark.parametrize(("test", "values", "parameters", "expected"), WORKED)
def test_the_standards_examples_come_out(test, values, parameters, expected, digits):
    values = digits["pi"][:values] if isinstance(values, int) else [int(value) for value in values]
    assert p_values(values, Parameters(**parameters), [test])[test] == pytest.approx(expected, abs=6e-7)


def test_so_do_those_on_a_walk_of_ten_steps():
    walk = [int(value) for value in "0110110101"]
    found = p_values(walk, Parameters(excursion_cycles=1), ["random_excursions", "random_excursions_variant"])
    assert found["random_excursions"][4] == pytest.approx(0.502488, abs=1e-4)  # the text rounds on the way
    assert found["random_excursions_variant"][9] == pytest.approx(0.683091, abs=6e-7)


def test_and_those_on_the_digits_of_e(digits):
    long = Parameters(serial_length=2, linear_complexity_length=1000)
    found = p_values(digits["e"], long, ["serial", "linear_complexity"])
    assert found["serial"] == pytest.approx([0.843764, 0.561915], abs=6e-7)
    assert found["linear_complexity"] == pytest.approx([0.845406], abs=6e-7)
    assert p_values(digits["e"][:100_000], tests=["rank"])["rank"] == pytest.approx([0.532069], abs=6e-7)


def test_the_final_report_is_that_of_the_c(digits):
    packed = np.packbits(digits["pi"])
    summary = sp800_22.summarise(sp800_22.run_many(sp800_22.split(packed, 100_000)))
    for row, (tenths, uniformity, proportion) in zip(summary.rows, KNOWN["final_report"], strict=True):
        assert list(row.bins) == tenths
        assert f"{row.passed}/{row.sequences}" == proportion
        assert row.uniformity is None if uniformity is None else row.uniformity == pytest.approx(uniformity, abs=6e-7)
