"""How TSP instruments write numbers: ``format.*``, ASCII lists and binary blocks.

Facts: 2600B reference manual, tagged K26-<page>; 707B reference manual, tagged K707-<page>.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Constant, Name, Value, number

ASCII, REAL32, REAL64 = 1.0, 2.0, 3.0  # K707-7-95
BIG, LITTLE = 0.0, 1.0  # K26-433: little-endian is the default, the opposite of a 2400 after *RST
_CONSTANTS = {
    "ASCII": ASCII, "SREAL": REAL32, "REAL32": REAL32, "REAL": REAL64, "REAL64": REAL64, "DREAL": REAL64,
    "NORMAL": BIG, "NETWORK": BIG, "BIGENDIAN": BIG, "SWAPPED": LITTLE, "LITTLEENDIAN": LITTLE,
}  # fmt: skip


class Format:
    """``format.*`` of one instrument; ``changed`` hears the pattern of numbers that ``print`` uses."""

    def __init__(self, precision: int, changed: Callable[[str], None]) -> None:
        self._default = precision
        self._changed = changed
        self.precision = precision
        self.data = ASCII
        self.order = LITTLE

    def reset(self) -> None:
        """ASCII, little-endian, the model's own precision."""
        self.data, self.order = ASCII, LITTLE
        self._set_precision(self._default)

    def ascii(self, value: float | str) -> str:
        """One value as text."""
        return value if isinstance(value, str) else f"{value:.{self.precision - 1}e}"

    def many(self, values: Sequence[float | str]) -> bytes:
        """The response of ``printnumber`` and ``printbuffer``: ``1.00000e+00, 2.00000e+00`` or ``#0`` and floats."""
        if self.data == ASCII:
            return ", ".join(self.ascii(value) for value in values).encode("latin-1", "replace")
        code = ("<" if self.order == LITTLE else ">") + str(len(values)) + ("f" if self.data == REAL32 else "d")
        numbers = [float("nan") if isinstance(value, str) else value for value in values]
        return b"#0" + struct.pack(code, *numbers)

    def names(self) -> dict[str, Name]:
        """``format.*``."""
        names: dict[str, Name] = {f"format.{name}": Constant(value) for name, value in _CONSTANTS.items()}
        names |= {
            "format.asciiprecision": Attribute(lambda: float(self.precision), self._set_precision, page="K26-7-101"),
            "format.data": Attribute(lambda: self.data, self._set_data, page="K26-434"),
            "format.byteorder": Attribute(lambda: self.order, self._set_order, page="K26-433"),
        }
        return names

    def _set_precision(self, value: Value) -> None:
        digits = round(number(value))
        if not 1 <= digits <= 16:
            raise InstrumentFault(1405)
        self.precision = digits
        self._changed(f"%.{digits - 1}e")

    def _set_data(self, value: Value) -> None:
        if number(value) not in (ASCII, REAL32, REAL64):
            raise InstrumentFault(1406)
        self.data = number(value)

    def _set_order(self, value: Value) -> None:
        if number(value) not in (BIG, LITTLE):
            raise InstrumentFault(1404)
        self.order = number(value)
