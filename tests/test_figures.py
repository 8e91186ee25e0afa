"""The figures of what procedures record: what is drawn, what is written beside it, and what has no figure."""

import numpy as np
import pandas as pd
import pytest

from labctl import figures
from labctl.procedures import fits

PNG = b"\x89PNG\r\n\x1a\n"


def points(swept, values, rates, **more):
    rates = np.asarray(rates, float)
    sigma = np.sqrt(np.maximum(rates * (1 - rates), 1e-4) / 100)
    known = {"kind": "point", swept: values, "p_switch": rates, "p_low": rates - sigma, "p_high": rates + sigma}
    return pd.DataFrame({**known, "trials": 100, **more})


def fit(model, **values):
    return pd.DataFrame([{"kind": "fit", "model": model, **values}])


VOLTS = np.linspace(0.5, 0.9, 9)
CURVE = points("volts", VOLTS, 0.5 / (1 + np.exp(-60 * (VOLTS - 0.66))), width_seconds=5e-9)
LOGISTIC = fit("logistic", **{
    name: value
    for word, at, error in (("centre_volts", 0.66, 0.002), ("slope_per_volt", 60.0, 4.0), ("top", 0.5, 0.01))
    for name, value in ((word, at), (f"{word}_error", error))
})  # fmt: skip
CELLS = pd.DataFrame(
    [{"kind": "cell", "row": r, "col": c, "volts": v, "ohms": 5e4} for r in (0, 1) for c in (0, 1) for v in (0.1, -0.4)]
)
JUNCTIONS = pd.DataFrame([{"kind": "junction", "row": r, "col": 0, "siemens": 2e-5} for r in (0, 1)])
CURRENTS = pd.DataFrame({"kind": "point", "volts": VOLTS, "amps": VOLTS / 5e4, "ohms": 5e4, "sweep": [0] * 5 + [1] * 4})
TMR = fit("tmr", tmr_zero=1.0, tmr_zero_error=0.01, half_volts=0.5, half_volts_error=0.02)
WEAR = pd.DataFrame({"kind": "block", "pulses": [10, 20], "parallel_ohms": 3e4, "antiparallel_ohms": 6e4})
BITS = pd.DataFrame([{"kind": "block", "row": 0, "col": 0, "n": 1000, "ones": 510}])


@pytest.mark.parametrize(
    "records",
    [
        pd.concat([CURVE, LOGISTIC]),
        points("width_seconds", VOLTS * 1e-8, VOLTS / 2),
        points("wait_seconds", [1e-3, 1e-1, 10.0] * 2, [0, 0.1, 0.5] * 2, antiparallel=[False] * 3 + [True] * 3),
        pd.concat([CURRENTS, TMR]),
        CELLS,
        JUNCTIONS,
        WEAR,
        BITS,
    ],
)
def test_records_of_every_procedure_become_a_png(records):
    assert figures.draw(records, "a title", "simulated instruments").startswith(PNG)


@pytest.mark.parametrize("kind", ["image", "instrument"])
def test_records_without_a_figure_have_none(kind):
    assert figures.draw(pd.DataFrame([{"kind": kind, "steps": 3}]), "a title") is None


def test_a_fit_is_drawn_where_its_law_is_and_written_with_its_errors():
    (axes,) = figures.probability(CURVE, LOGISTIC, "a title").axes
    (line,) = [line for line in axes.lines if str(line.get_label()).startswith("logistic")]
    law = fits.MODELS["logistic"].law
    np.testing.assert_allclose(line.get_ydata(), law(np.asarray(line.get_xdata()), 0.66, 60.0, 0.5))
    assert line.get_label() == "logistic: centre 0.6600 ± 0.0020 V, slope 60.0 ± 4.0 V⁻¹, top 0.500 ± 0.010"


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("tau_seconds", 1.073e-8, 6.3e-10, "τ 10.73 ± 0.63 ns"),
        ("tau_seconds", 86400.0, 1000.0, "τ 86.4 ± 1.0 ks"),
        ("frequency_hertz", 9.89e8, 6e6, "frequency 989.0 ± 6.0 MHz"),
        ("half_volts", -0.5, 0.02, "half -0.500 ± 0.020 V"),
        ("top", 0.49, np.inf, "top 0.490 ± inf"),
        ("top", 0.49, 0.0, "top 0.490 ± 0.000"),
        ("dead_seconds", 0.0, 1e-9, "dead 0.0000000000 ± 0.0000000010 s"),
    ],
)
def test_a_value_is_written_to_the_second_digit_of_its_error(name, value, error, text):
    assert figures.measured(pd.Series({name: value, f"{name}_error": error}), name) == text


def test_what_was_swept_is_the_abscissa():
    assert figures.abscissa(CURVE) == "volts"
    assert figures.abscissa(points("width_seconds", [1e-9, 2e-9], [0, 1], volts=0.7)) == "width_seconds"
