"""CALCulate1 of a Keithley 2400: expressions of what was measured, four of them built in.

Facts: K24 chapter 18, CALCulate1; [MEM] = from memory, verify. An expression is of volts, amps, ohms and time, with
``+ - * / ^`` and a few functions; ``VOLT[1]`` is the second reading of the sweep, and then there is one result per
sweep.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labctl_sim import scpi_text
from labctl_sim.keithley2400_meter import OVERFLOW, Values
from labctl_sim.scpi import Call, Command, Reply, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

BUILT_IN = {
    "POWER": "(VOLTage * CURRent)",
    "OFFCOMPOHM": "((VOLTage[1] - VOLTage[0]) / (CURRent[1] - CURRent[0]))",
    "VOLTCOEF": "((RESistance[1] - RESistance[0]) / (RESistance[1] * (VOLTage[1] - VOLTage[0])) * 100)",
    "VARALPHA": "(log(CURRent[1] / CURRent[0]) / log(VOLTage[1] / VOLTage[0]))",
}
USER_EXPRESSIONS = 5
LONGEST, DEEPEST = 256, 20
ORDER = ("VOLT", "CURR", "RES", "TIME")  # of the first entries of a reading
_NAMES = {"VOLT": 0, "VOLTAGE": 0, "CURR": 1, "CURRENT": 1, "RES": 2, "RESISTANCE": 2, "TIME": 3}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "LN": math.log, "LOG": math.log10, "SIN": math.sin, "COS": math.cos, "TAN": math.tan, "EXP": math.exp,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: math.pow,
}  # fmt: skip


class Maths:
    """The expression that is selected, and its results."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel
        self.own: dict[str, str] = {}

    def commands(self) -> list[Command]:
        """CALCulate1."""
        return [command for root in ("CALCulate", "CALCulate1") for command in self._below(root)]

    def _below(self, root: str) -> list[Command]:
        panel, node = self._panel, f"{root}:MATH[:EXPRession]"
        return documented(
            "K24 ch. 18",
            panel.switch(f"{root}:STATe", "math"),
            Command(f"{root}:DATA", ask=lambda _: self.write(self.results(panel.buffers.readings))),
            Command(f"{root}:DATA:LATest", ask=lambda _: self.write(self.results(panel.buffers.readings)[-1:])),
            Command(f"{node}:CATalog", ask=lambda _: ",".join(f'"{name}"' for name in (*BUILT_IN, *self.own))),
            Command(f"{node}:NAME", self._select, lambda _: f'"{panel.state["math_name"]}"'),
            Command(f"{node}[:DEFine]", self._define, lambda _: self._text()),
            Command(f"{root}:MATH:DELete[:SELected]", self._delete),
            Command(f"{root}:MATH:DELete:ALL", lambda _: self._delete_all()),
            Command(f"{root}:MATH:UNITs", self._set_unit, lambda _: f'"{panel.state["math_unit"]}"'),
            verify=True,
        )

    def results(self, readings: Sequence[Values]) -> list[float]:
        """One per reading, or one for all if elements are named; NAN (9.91e37) where there is none."""
        tree = parsed(self._text())
        if any(isinstance(node, ast.Subscript) for node in ast.walk(tree)):
            return [_value(tree, readings[-1], readings)] if readings else []
        return [_value(tree, reading, readings) for reading in readings]

    def write(self, results: Sequence[float]) -> Reply:
        """Results as text; -230 if there are none, NAN if math is off."""
        if not results:
            raise InstrumentFault(-230)
        shown = results if self._panel.state["math"] else [OVERFLOW] * len(results)
        return ",".join(self._panel.format_number(value) for value in shown)

    def _text(self) -> str:
        name = self._panel.state["math_name"]
        return BUILT_IN.get(name) or self.own.get(name) or BUILT_IN["POWER"]

    def _name(self, call: Call) -> str:
        name = scpi_text.string(call.only()).upper()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,9}", name):
            raise InstrumentFault(-224)
        return name

    def _select(self, call: Call) -> None:
        """Select an expression, or begin one of this name."""
        name = self._name(call)
        if name not in BUILT_IN and name not in self.own:
            if len(self.own) >= USER_EXPRESSIONS:
                raise InstrumentFault(804)
            self.own[name] = BUILT_IN["POWER"]
        self._panel.state["math_name"] = name

    def _define(self, call: Call) -> None:
        text = str(call.only()).strip()
        parsed(text)
        if self._panel.state["math_name"] in BUILT_IN:
            raise InstrumentFault(807)
        self.own[self._panel.state["math_name"]] = text

    def _delete(self, call: Call) -> None:
        name = self._name(call)
        if name in BUILT_IN:
            raise InstrumentFault(808)
        if self.own.pop(name, None) is None:
            raise InstrumentFault(806)
        if self._panel.state["math_name"] == name:
            self._panel.state["math_name"] = "POWER"

    def _delete_all(self) -> None:
        self.own.clear()
        if self._panel.state["math_name"] not in BUILT_IN:
            self._panel.state["math_name"] = "POWER"

    def _set_unit(self, call: Call) -> None:
        unit = scpi_text.string(call.only())
        if len(unit) > 3:
            raise InstrumentFault(-223)
        self._panel.state["math_unit"] = unit


def parsed(text: str) -> ast.expr:
    """The expression as a tree of what is allowed in one; raises -171 for anything else."""
    if len(text) > LONGEST or text.count("(") > DEEPEST or not text.startswith("("):
        raise InstrumentFault(-171)
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError) as problem:
        raise InstrumentFault(-171) from problem
    _check(tree)
    return tree


def _check(node: ast.expr) -> None:
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            _check(left)
            _check(right)
        case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
            _check(operand)
        case ast.Call(ast.Name(name), [argument], []) if name.upper() in _FUNCTIONS:
            _check(argument)
        case ast.Name(name) if name.upper() in _NAMES:
            pass
        case ast.Subscript(ast.Name(name), ast.Constant(int())) if name.upper() in _NAMES:
            pass
        case ast.Constant(int() | float()):
            pass
        case _:
            raise InstrumentFault(-171)


def _value(tree: ast.expr, reading: Values, sweep: Sequence[Values]) -> float:
    """The value for a reading; NAN if something in it was not measured, or cannot be computed."""
    try:
        return _computed(tree, reading, sweep)
    except (ArithmeticError, ValueError, IndexError):
        return OVERFLOW


def _computed(node: ast.expr, reading: Values, sweep: Sequence[Values]) -> float:
    def of(part: ast.expr) -> float:
        return _computed(part, reading, sweep)

    result = OVERFLOW
    match node:
        case ast.BinOp(left, op, right):
            result = _OPERATORS[type(op)](of(left), of(right))
        case ast.UnaryOp(sign, operand):
            result = -of(operand) if isinstance(sign, ast.USub) else of(operand)
        case ast.Call(ast.Name(name), [argument]):
            result = _FUNCTIONS[name.upper()](of(argument))
        case ast.Subscript(ast.Name(name), ast.Constant(int(index))):
            result = _measured(sweep[index][_NAMES[name.upper()]])
        case ast.Name(name):
            result = _measured(reading[_NAMES[name.upper()]])
        case ast.Constant(int(number) | float(number)):
            result = float(number)
    return result


def _measured(value: float) -> float:
    if abs(value) >= OVERFLOW:
        raise ValueError("not measured")
    return value
