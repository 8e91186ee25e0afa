"""Randomness by counter: known answers, and the same bits for any split and any number of threads, numba or not."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl_sim.macrospin import counter, simd
from labctl_sim.macrospin.drive import Drive, rectangular, trapezoid
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.step import WEAK_AMPLITUDE, three_point
from labctl_sim.macrospin.trials import run

needs_numba = pytest.mark.skipif(not simd.available(), reason="numba is not installed (extra fast)")

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)
MANY = replace(
    LAYER,
    diameter_meters=np.array([48e-9, 50e-9, 52e-9]),
    damping=np.array([0.05, 0.1, 0.02]),
    torque_tesla_per_volt=np.array([0.0, 1e-3, 2e-3]),
)
PULSE = trapezoid(np.array([1.2, 1.4, 1.6]), 0.15e-9, 0.03e-9, 0.021e-9)
BRIEF = {"thermalise_seconds": 0.05e-9, "relax_seconds": 0.1e-9}


@pytest.mark.parametrize(
    ("block", "key", "answer"),
    [  # Random123, kat_vectors, philox4x32 10
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_known_answers(block, key, answer):
    def read(text):
        return [np.array([int(word, 16)], np.uint32) for word in text.split()]

    assert [int(word[0]) for word in counter.philox(*read(block), *read(key))] == [int(x, 16) for x in answer.split()]


def test_purposes_devices_and_trials_do_not_share_words():
    places = np.array([0, 1, 2, 2**32, 2**40 + 1])
    seen = set()
    for purpose in (counter.WEAK, counter.GAUSSIAN, counter.START):
        for device in range(3):
            for block in range(3):
                words = counter.words(7, purpose, np.full(5, device), places, block)
                seen |= {tuple(int(word[i]) for word in words) for i in range(5)}
    assert len(seen) == 3 * 3 * 3 * 5


def test_three_point_noise_has_the_moments_of_a_normal_number():
    values = three_point(np.arange(32, dtype=np.uint32) << np.uint32(27)).astype(float) * WEAK_AMPLITUDE
    assert values.sum() == 0
    assert (values**2).mean() == pytest.approx(1, abs=1e-12)
    assert (values**3).mean() == pytest.approx(0, abs=1e-12)
    assert (values**4).mean() == pytest.approx(3.2)


def test_gaussians_are_normal_and_independent_and_their_length_is_free():
    n = 200_000  # seed fixed; bounds of 4.5 standard errors, 20 quantities: false alarm 1.4e-4
    words = counter.words(3, counter.GAUSSIAN, np.zeros(n, int), np.arange(n), 11)
    noise = np.stack(counter.gaussians(words))
    bound = 4.5 / np.sqrt(n)
    assert np.abs(noise.mean(axis=1)).max() < bound
    assert np.abs((noise**2).mean(axis=1) - 1).max() < bound * np.sqrt(2)
    assert np.abs((noise**4).mean(axis=1) - 3).max() < bound * np.sqrt(96)
    assert np.abs(np.corrcoef(noise) - np.eye(3)).max() < bound
    assert np.abs(np.corrcoef(noise**2) - np.eye(3)).max() < bound
    # A field of constant length, a mistake of two published codes, would have no spread; Maxwell's law has 0.422.
    length = np.linalg.norm(noise, axis=0)
    assert length.std() / length.mean() == pytest.approx(0.4220, abs=0.005)
    following = np.stack(counter.gaussians(counter.words(3, counter.GAUSSIAN, np.zeros(n, int), np.arange(n), 12)))
    assert np.abs([np.corrcoef(a, b)[0, 1] for a, b in zip(noise, following, strict=True)]).max() < bound


PATHS = [
    pytest.param({"path": "fast", "compiled": True}, marks=needs_numba, id="numba"),
    pytest.param({"path": "fast", "compiled": False}, id="numpy"),
    pytest.param({"path": "reference"}, id="reference"),
]


@pytest.mark.parametrize("options", PATHS)
@settings(max_examples=4, deadline=None, derandomize=True)
@given(cut=st.integers(1, 149), threads=st.integers(1, 4), seed=st.integers(0, 2**64 - 1))
def test_a_run_in_parts_or_threads_gives_the_same_bits(options, cut, threads, seed):
    whole = run(MANY, PULSE, trials=150, seed=seed, record_every=50, **BRIEF, **options)
    first = run(MANY, PULSE, trials=cut, seed=seed, threads=threads, record_every=50, **BRIEF, **options)
    second = run(MANY, PULSE, trials=150 - cut, seed=seed, first_trial=cut, record_every=50, **BRIEF, **options)
    assert np.array_equal(whole.magnetisation, np.concatenate([first.magnetisation, second.magnetisation], axis=1))
    assert np.array_equal(whole.trajectories, np.concatenate([first.trajectories, second.trajectories], axis=1))
    alone = run(
        MANY.only(slice(2, 3)), PULSE.only(slice(2, 3)), trials=9, seed=seed, first_device=2, **BRIEF, **options
    )
    assert np.array_equal(alone.magnetisation, whole.magnetisation[2:, :9])


@pytest.mark.parametrize("options", PATHS)
def test_batches_that_save_memory_change_no_bit(options, monkeypatch):
    whole = run(MANY, PULSE, trials=70, seed=5, **BRIEF, **options)
    monkeypatch.setattr("labctl_sim.macrospin.trials.BATCH_TRIALS", 50)
    monkeypatch.setattr("labctl_sim.macrospin.trials.BATCH_COEFFICIENTS", 6000)  # two junctions at a time
    assert np.array_equal(run(MANY, PULSE, trials=70, seed=5, **BRIEF, **options).magnetisation, whole.magnetisation)


@needs_numba
@pytest.mark.parametrize("record_every", [None, 1, 3, 4, 50])
def test_the_kernel_and_numpy_agree_to_the_last_bit(record_every):
    line = Drive(
        np.array([0.0, 0.1e-9, 0.1003e-9, 0.2e-9]),
        np.array([[0.0, 1.5, 0.3, 0.3], [1.0, 0.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0]]),
        amps=np.array([0.0, 1e-3, 0.0, 0.0]),
        field_tesla=np.array([[0.0, 0.01, 0.0, 0.0]] * 3),
    )
    layer = replace(MANY, spin_orbit_tesla_per_amp=5.0)
    both = [
        run(layer, line, trials=67, seed=2, record_every=record_every, compiled=compiled, **BRIEF)
        for compiled in (True, False)
    ]
    assert np.array_equal(both[0].magnetisation, both[1].magnetisation)
    assert record_every is None or np.array_equal(both[0].trajectories, both[1].trajectories)
    assert "numba" in both[0].provenance
    assert "NumPy" in both[1].provenance


def test_recording_watches_and_does_not_touch():
    plain = run(LAYER, rectangular(1.5, 0.1e-9), trials=10, seed=1, **BRIEF)
    watched = run(LAYER, rectangular(1.5, 0.1e-9), trials=10, seed=1, record_every=25, **BRIEF)
    assert np.array_equal(plain.magnetisation, watched.magnetisation)
    assert np.array_equal(watched.trajectories[:, :, -1], watched.magnetisation)
    assert watched.seconds == pytest.approx(np.arange(-25, 201, 25) * 1e-12)


def test_without_numba_the_fast_path_runs_in_numpy_and_says_so(monkeypatch):
    monkeypatch.setattr(simd, "available", lambda: False)
    outcome = run(LAYER, rectangular(1.5, 0.1e-9), trials=10, seed=1, **BRIEF)
    assert "NumPy" in outcome.provenance


def test_numba_is_not_loaded_before_it_is_needed():
    code = "import sys, labctl_sim.macrospin.trials, labctl_sim.macrospin.simd; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kelvin", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("start", [0, 1, "thermal"])
def test_a_cold_start_is_at_the_bottom_of_a_well(kelvin, start):
    layer = replace(LAYER, temperature_kelvin=kelvin)
    spins = run(
        layer, rectangular(0.0, 0.0), trials=500, seed=3, start=start, path="reference",
        thermalise_seconds=0.0, relax_seconds=0.0,
    ).magnetisation[0]  # fmt: skip
    bottom = 0.03 / LAYER.anisotropy_field()[0]  # sine of the angle, both wells
    width = np.sqrt(kelvin / 300 / LAYER.stability()[0])
    assert np.abs(spins[:, 0] - bottom).max() < 5 * width
    assert np.abs(spins[:, 1]).max() < 5 * width
    assert set(np.sign(spins[:, 2])) == {0: {1.0}, 1: {-1.0}, "thermal": {1.0, -1.0}}[start]
