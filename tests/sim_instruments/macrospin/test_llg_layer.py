"""The free layer's derived numbers, what it refuses, and how a pulse warms it."""

from dataclasses import replace

import numpy as np
import pytest

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.coefficients import coefficients, timeline
from labctl_sim.macrospin.demagnetising import cylinder, thin_ellipsoid
from labctl_sim.macrospin.drive import Drive, constant, rectangular, trapezoid
from labctl_sim.macrospin.heating import Heating
from labctl_sim.macrospin.layer import BOLTZMANN, GAMMA, FreeLayer
from labctl_sim.macrospin.trials import run

ZHANG = FreeLayer(
    diameter_meters=50e-9,
    thickness_meters=1.1e-9,
    saturation_amps_per_meter=0.625e6,
    interface_anisotropy_joules_per_square_meter=0.32e-3,
    vcma_joules_per_volt_meter=60e-15,
    oxide_meters=1.4e-9,
    damping=0.05,
    bx_tesla=0.03,
)


def test_the_published_set_gives_its_derived_numbers():
    assert ZHANG.anisotropy() == pytest.approx(5.82e4, rel=2e-3)
    assert ZHANG.stability() == pytest.approx(30.3, rel=3e-3)
    assert ZHANG.critical_volts == pytest.approx(1.494, rel=1e-3)
    assert ZHANG.stability(ZHANG.critical_volts) == pytest.approx(0, abs=1e-9)
    assert ZHANG.stability(-1.0) > ZHANG.stability()
    assert ZHANG.with_stability(12.5).stability() == pytest.approx(12.5)


def test_the_other_published_vcma_set_too():
    other = FreeLayer(50e-9, 1.1e-9, 1.2e6, 1.0056e-3, 75e-15, 1.5e-9, 0.03)
    fitted = replace(other, demagnetising_difference=0.9682)  # it brings factors of its own; a thin ellipsoid has 0.948
    assert fitted.anisotropy() == pytest.approx(3.82e4, rel=3e-3)
    assert fitted.stability() == pytest.approx(19.9, rel=3e-3)
    assert fitted.critical_volts == pytest.approx(0.841, rel=2e-3)


def test_demagnetising_factors_meet_known_values():
    assert (2 * cylinder(1.0) + 1) / 3 == pytest.approx(0.3116, abs=1e-4)  # magnetometric, length = diameter
    assert cylinder(0.9065) == pytest.approx(0, abs=1e-3)  # where a cylinder is as easy along as across
    assert cylinder(1e-3) == pytest.approx(0.9925572, abs=1e-6)  # the same in 40 digits
    assert cylinder(0.022) == pytest.approx(0.90119, abs=1e-5)
    assert thin_ellipsoid(1e-6) == pytest.approx(1, abs=1e-4)


def test_many_junctions_are_one_each():
    diameters = np.array([40e-9, 50e-9, 60e-9])
    many = replace(ZHANG, diameter_meters=diameters)
    assert many.devices == 3
    for index, diameter in enumerate(diameters):
        one = replace(ZHANG, diameter_meters=diameter)
        for name in ("stability", "anisotropy_field", "anisotropy"):
            assert getattr(many, name)(0.4)[index] == pytest.approx(getattr(one, name)(0.4)[0], rel=1e-12)
    assert many.only(slice(1, 2)).stability() == pytest.approx(ZHANG.stability())


def test_the_thermal_field_has_browns_variance_and_its_step_scaling():
    moment = 0.625e6 * np.pi / 4 * 50e-9**2 * 1.1e-9
    expected = 2 * 0.05 * BOLTZMANN * 300 / (GAMMA * moment * 1e-12)
    assert ZHANG.thermal_tesla(1e-12) ** 2 == pytest.approx(expected)
    assert ZHANG.thermal_tesla(0.5e-12) ** 2 == pytest.approx(2 * expected)
    turn = GAMMA * 1e-12 / (1 + 0.05**2)
    drive = constant(0.0, 1e-11)
    table = coefficients(ZHANG, drive, timeline(drive, 1e-12, 0, 0)).table
    assert table[0, 4, 0] == pytest.approx(turn * np.sqrt(expected))
    assert table[0, 0, 0] == pytest.approx(turn * 0.03)
    assert table[0, 3, 0] == pytest.approx(turn * ZHANG.anisotropy_field()[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thickness_meters": -1e-9}, "thickness_meters is -1e-09; it must be more than 0"),
        ({"diameter_meters": 0.0}, "diameter_meters is 0;"),
        ({"saturation_amps_per_meter": 0.0}, "saturation_amps_per_meter is 0;"),
        ({"damping": 0.0}, "damping is 0; it must be more than 0"),
        ({"damping": np.array([0.1, -0.2])}, "damping is -0.2;"),
        ({"temperature_kelvin": -1.0}, "temperature_kelvin is -1; it must be 0 or more"),
        ({"bx_tesla": np.nan}, "bx_tesla is nan; it must be finite"),
        ({"oxide_meters": np.inf}, "oxide_meters is inf; it must be finite"),
        ({"interface_anisotropy_joules_per_square_meter": 0.2e-3}, "easy plane.*raise the interface anisotropy"),
        ({"damping": np.ones((2, 2))}, r"shape \(2, 2\)"),
        ({"damping": np.full(2, 0.1), "bx_tesla": np.zeros(3)}, r"describe \[2, 3\] junctions"),
    ],
)
def test_impossible_layers_are_refused_with_value_limit_and_remedy(change, words):
    with pytest.raises(ParameterError, match=words):
        replace(ZHANG, **change)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step_seconds": 2e-11}, "turns the spin by up to.*limit 0.3: choose steps of"),
        ({"step_seconds": 0.0}, "step_seconds is 0"),
        ({"relax_seconds": -1e-9}, "relax_seconds is -1e-09"),
        ({"relax_seconds": 1.0}, "use escape rates instead"),
        ({"trials": 0}, "trials is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"first_trial": -1}, "first_trial is -1"),
        ({"first_trial": 1 << 56}, "begin another seed"),
        ({"record_every": 0}, "record_every is 0"),
        ({"record_every": 1, "trials": 10**6}, "GB, limit"),
        ({"trials": 10**13}, "would take 120000.0 GB, limit 4.3 GB.*fewer trials"),
        ({"seed": -1}, "seed is -1"),
        ({"path": "quick"}, "known are: fast, reference"),
        ({"start": 2}, "holds 2"),
        ({"start": "hot"}, "choose 0, 1, 'thermal'"),
        ({"start": np.zeros((1, 4, 3))}, "unit vectors"),
        ({"start": np.zeros(3)}, "states 0 or 1"),
    ],
)
def test_impossible_runs_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        run(ZHANG, constant(0.0, 1e-11), **{"trials": 4, "seed": 1} | options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.0, 1e-9, 0.5e-9], [0.0, 1.0, 0.0]), "never fall"),
        (([], []), "one corner at least"),
        (([0.0, 1e-9], [0.0, np.inf]), "not all finite"),
        (([0.0, 1e-9], [0.0, 1.0, 0.0]), "one value per corner"),
        (([0.0], [0.0], None, [[1.0], [2.0]]), "for a field"),
    ],
)
def test_impossible_drives_are_refused(arguments, words):
    with pytest.raises(ParameterError, match=words):
        Drive(*arguments)


def test_layer_and_drive_must_agree_on_their_number():
    with pytest.raises(ParameterError, match=r"describe \[2, 3\] junctions"):
        run(replace(ZHANG, bx_tesla=np.zeros(2)), rectangular(np.ones(3), 1e-10), trials=1, seed=1)


@pytest.mark.parametrize("step_seconds", [1e-12, 3e-12])
@pytest.mark.parametrize("width", [0.3e-9, 0.8504e-9])
@pytest.mark.parametrize("edges", [(0.0, 0.0), (0.1e-9, 0.1e-9), (0.05e-9, 0.25e-9)])
def test_a_pulse_keeps_its_area_whatever_the_step(step_seconds, width, edges):
    drive = trapezoid(1.2, width, *edges, rest_volts=0.0)
    time = timeline(drive, step_seconds, 0.1e-9, 0.1e-9)
    layer = replace(ZHANG, temperature_kelvin=0.0, bx_tesla=0.0)
    numbers = coefficients(layer, drive, time)
    softer = numbers.table[0, 3, 0] - np.repeat(numbers.table[:, 3, 0], np.diff(numbers.starts))
    per_volt = (numbers.table[0, 3, 0] - numbers.table[:, 3, 0].min()) / 1.2
    assert softer.sum() / per_volt * step_seconds == pytest.approx(1.2 * width, rel=1e-9)


def test_a_pulse_with_upright_edges_has_few_pieces():
    drive = rectangular(1.0, 1e-9)
    assert len(coefficients(ZHANG, drive, timeline(drive, 1e-12, 1e-9, 1e-9)).table) == 3


def test_a_pulse_warms_the_junction_to_its_steady_temperature_and_the_noise_with_it():
    heating = Heating(resistance_area_ohm_square_meters=10e-12, stack_meters=20e-9)
    layer = replace(ZHANG, heating=heating)
    drive = constant(1.0, 0.3e-9)
    time = timeline(drive, 1e-12, 0.0, 0.0)
    rise = 1.0 / 10e-12 * 1.4e-9 / 4.0  # 35 K
    kelvin = heating.temperatures(np.ones((1, 300)), 1e-12, np.array([300.0]), np.array([1.4e-9]))
    assert kelvin[0, -1] == pytest.approx(300 + rise, abs=1e-3)
    tau = 2.5e6 * 20e-9 * 1.4e-9 / 4.0
    assert kelvin[0, 17] - 300 == pytest.approx(rise * (1 - np.exp(-17.5e-12 / tau)), rel=2e-3)
    hot, cold = (coefficients(some, drive, time).table[-1, 4, 0] for some in (layer, ZHANG))
    assert hot / cold == pytest.approx(np.sqrt(1 + rise / 300), rel=1e-5)


def test_a_warm_free_layer_is_weaker_and_at_rest_unchanged():
    heating = Heating(10e-12, 20e-9, curie_kelvin=1453.0)
    drive = rectangular(1.0, 0.2e-9)
    hot = coefficients(replace(ZHANG, heating=heating), drive, timeline(drive, 1e-12, 0.1e-9, 0.0)).table[:, 3, 0]
    cold = coefficients(ZHANG, drive, timeline(drive, 1e-12, 0.1e-9, 0.0)).table[:, 3, 0]
    assert hot[0] == pytest.approx(cold[0])
    assert hot[-1] != pytest.approx(cold[-1], rel=1e-3)
    with pytest.raises(ParameterError, match="ends below its Curie temperature"):
        coefficients(replace(ZHANG, heating=heating), constant(8.0, 0.2e-9), timeline(drive, 1e-12, 0.0, 0.0))


def test_the_torque_per_volt_of_a_junction_is_that_of_its_current():
    # 0.6 polarisation, 5 kOhm: hbar/2e x 0.882 x 1/5000/(Ms volume)
    expected = 3.2910598e-16 * (1.2 / 1.36) / 5e3 / (0.625e6 * ZHANG.volume_cubic_meters[0])
    assert ZHANG.torque_per_volt(0.6, 5e3) == pytest.approx(expected)
