"""What somebody sent is checked against the procedure, and every mistake is named."""

import pytest

from labctl.core.errors import ParameterError, PartNotFound
from labctl.procedures import schema
from labctl.procedures.switching_curve import SwitchingCurve


@pytest.mark.parametrize("name", ["bitstream", "crossbar_read", "identify", "sample_digits", "switching_curve"])
def test_every_procedure_describes_itself_and_runs_on_its_defaults(name):
    found = schema.describe(name)
    assert found["schema"]["type"] == "object"
    assert found["roles"]
    assert found["title"].endswith((".", ":"))
    assert schema.validate(name, {}) == schema.validate(name, schema.validate(name, {}))


def test_defaults_are_filled_in_and_numbers_may_be_given_as_json_has_them():
    assert schema.build("switching_curve", {"stop_volts": 1, "points": 5}) == SwitchingCurve(stop_volts=1.0, points=5)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"points": 1}, "points: .*greater than or equal to 2, got 1"),
        ({"volts": 1}, "volts is not one of its parameters"),
        ({"row": "x"}, "row: .*integer.*got 'x'"),
        ({"stop_volts": float("nan")}, "stop_volts: .*finite"),
        ({"points": 1, "shots": 0}, "points.*; shots"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_limit(parameters, says):
    with pytest.raises(ParameterError, match=says):
        schema.validate("switching_curve", parameters)


def test_an_unknown_procedure_names_the_known_ones():
    with pytest.raises(PartNotFound, match="no procedure named 'iv'; known are: bitstream"):
        schema.validate("iv", {})
