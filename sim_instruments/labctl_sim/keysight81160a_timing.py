"""Times of a Keysight 81160A channel: period, width, edges and delay, and how they hold each other in bounds.

Where two settings conflict, the newer one wins and the older ones give way, which is reported (-221; 33250A p. 166).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from labctl_sim.keysight81160a_shape import Shape
from labctl_sim.scpi import Call, Command, Number, documented

MAX_SAMPLE_RATE = 2.5e9  # [MEM]
MIN_PERIOD = 3.03e-9  # manual p. 142
MIN_WIDTH, MIN_EDGE = 1.5e-9, 1e-9  # PM
EDGES_IN_PERIOD = 1.6  # period > width + 1.6 edges, manual p. 142


class Timing(Shape):
    """The part of a channel that is about seconds."""

    @abstractmethod
    def cycles(self) -> int:
        """Cycles per trigger."""

    @abstractmethod
    def show(self) -> None:
        """Tell the world."""

    def time_commands(self) -> list[Command]:
        """PM, BACE, and the manual."""
        panel, key = self.panel, self.key
        period, width = Number("S", MIN_PERIOD, 1e6, 1e-6), Number("S", MIN_WIDTH, 1e6, 100e-9)
        edge, duty = Number("S", MIN_EDGE, 1e3, MIN_EDGE), Number("PCT", 0.15, 99.99, 10.0)
        square, percent = Number("PCT", 1.5e-4, 99.9998485, 50.0), Number("PCT", 0.0, 100.0, 100.0)
        table = documented(
            "manual p. 142",
            *[
                panel.numeric(f"[SOURce#]:{node}", key("period"), period, self._period_changed)
                for node in ("PERiod#", "PULSe:PERiod#", "FUNCtion#:PULSe:PERiod")
            ],
        )
        for root, end in (("PULSe:", "#"), ("FUNCtion#:PULSe:", "")):
            edges = f"[SOURce#]:{root}TRANsition{end}"
            table += documented(
                "PM, BACE",
                panel.numeric(f"[SOURce#]:{root}WIDTh{end}", key("width"), width, self.fit),
                Command(f"[SOURce#]:{root}DCYCle{end}", self._set_duty(duty), self._ask_duty(duty)),
                panel.numeric(f"{edges}[:LEADing]", key("leading"), edge, self._leading_changed),
                panel.numeric(f"{edges}:TRAiling", key("trailing"), edge, self.fit),
            )
        return table + documented(
            "PM",
            *[
                Command(f"[SOURce#]:FREQuency#{node}", self.set_frequency, self._ask_frequency)
                for node in ("[:CW]", ":FIXed")
            ],
            panel.numeric("[SOURce#]:PULSe:DELay#", key("delay"), Number("S", 0.0, 1e6), self.fit),
            Command("[SOURce#]:PULSe:TDELay#", self._set_end, self._ask_end),
            panel.option("[SOURce#]:PULSe:HOLD#", key("hold"), ("WIDTh", "DCYCle")),
            panel.numeric("[SOURce#]:FUNCtion#:SQUare:DCYCle", key("square_duty"), square, self.show),
            panel.numeric("[SOURce#]:FUNCtion#:RAMP:SYMMetry", key("symmetry"), percent, self.show),
        )

    def set_frequency(self, call: Call) -> None:
        """One over the period."""
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        self["period"] = 1 / self.panel.limited(kind.read(call.only()), *kind.bounds())
        self._period_changed()

    def _ask_frequency(self, call: Call) -> str:
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        return self.panel.format_number(kind.asked(call, 1 / self["period"]))

    def _set_duty(self, kind: Number) -> Any:
        def write(call: Call) -> None:
            self["width"] = self.panel.limited(kind.read(call.only()), *kind.bounds()) / 100 * self["period"]
            self.fit()

        return write

    def _ask_duty(self, kind: Number) -> Any:
        def ask(call: Call) -> str:
            return self.panel.format_number(kind.asked(call, 100 * self["width"] / self["period"]))

        return ask

    def _set_end(self, call: Call) -> None:
        """The trailing edge's delay is the width, said from the trigger."""
        least = self["delay"] + MIN_WIDTH
        self["width"] = self.panel.limited(Number("S", least, 1e6).read(call.only()), least, 1e6) - self["delay"]
        self.fit()

    def _ask_end(self, call: Call) -> str:
        end = self["delay"] + self["width"]
        kind = Number("S", self["delay"] + MIN_WIDTH, 1e6)
        return self.panel.format_number(kind.asked(call, end))

    def _leading_changed(self) -> None:
        self["trailing"] = self["leading"]  # the trailing edge follows until it is set itself [MEM]
        self.fit()

    def _period_changed(self) -> None:
        """The newer setting wins: width and edges give way to the period; with HOLD DCYC the width follows it."""
        if self["hold"] == "DCYC":
            self["width"] = max(self["width"] * self["period"] / self["last_period"], MIN_WIDTH)
        if self["shape"] == "PULS" and self.period_counts():
            room = self["period"] - self["delay"]
            edges = max(self["leading"], self["trailing"])
            if self["width"] + EDGES_IN_PERIOD * edges > room * (1 + 1e-9):
                self["leading"] = self["trailing"] = max(min(edges, (room - MIN_WIDTH) / EDGES_IN_PERIOD), MIN_EDGE)
                self["width"] = max(min(self["width"], room - EDGES_IN_PERIOD * self["leading"]), MIN_WIDTH)
                self.panel.status.push(-221)
        self.fit()

    def period_counts(self) -> bool:
        """A single triggered pulse has no period (manual p. 92)."""
        return self["arm"] in ("IMM", "INT") or self.cycles() > 1

    def fit(self) -> None:
        """Period > width + 1.6 edges (manual p. 142); an arb plays at 2.5 GSa/s at most [MEM]. The period gives way."""
        least = MIN_PERIOD
        if self["shape"] == "PULS" and self.period_counts():
            edges = max(self["leading"], self["trailing"])
            least = self["delay"] + self["width"] + EDGES_IN_PERIOD * edges
        elif self["shape"] == "USER":
            least = self.arb().size / MAX_SAMPLE_RATE
        if self["period"] < least * (1 - 1e-9):
            self["period"] = least
            self.panel.status.push(-221)
        self["last_period"] = self["period"]
        self.show()
