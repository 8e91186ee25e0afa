"""What a script's names lead to: every use of the object tree arrives here from Lua, and nothing here ever raises.

Only plain values come and go. An error of the instrument is queued and the script goes on (K26-8-2); what is returned
first is None, or the text of a Lua error that ends the script. A function that returns None returns nothing (``print``
of it is an empty line, as a log of a real 2600 shows); ``(None,)`` is nil.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from labctl.core.errors import LabError
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_errors import OUT_OF_MEMORY
from labctl_sim.tsp_lua import Lua
from labctl_sim.tsp_names import (
    TOO_FEW,
    Attribute,
    Constant,
    Function,
    Instance,
    Mark,
    Name,
    Value,
    arity,
    path_of,
)

PRINT, LIST, KEEP, SWEEP, MEMBER, FIRST_SLOT = range(6)  # numbers shared with tsp_sandbox.lua
MOST_OUTPUT = 16_000_000  # bytes that one message may print: the real one waits until they are read
Results = tuple[Value, ...]
MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class ScriptEnd(Exception):  # an end of the script, not a mistake of ours
    """What a function raises to end the script with a run-time error of this text."""


class Instances(Protocol):
    """Objects of one class that scripts can make, known by number: the reading buffers."""

    @property
    def name(self) -> str:
        """The class's name."""
        ...

    @property
    def members(self) -> Mapping[str, str]:
        """What its objects have by name: get, setting, function or column."""
        ...

    def get(self, number: int, name: str) -> Value:
        """The value of a member."""
        ...

    def assign(self, number: int, name: str, value: Value) -> None:
        """Assign to a setting."""
        ...

    def call(self, number: int, name: str, *arguments: Value) -> None:
        """Call a function."""
        ...

    def item(self, number: int, column: str, index: Value) -> Value:
        """One element of a column, counted from 1; None beyond its ends."""
        ...

    def forget_all_but(self, numbers: set[int]) -> None:
        """Scripts know only these of the instances that they made."""
        ...


class Tree:
    """The object tree of one instrument: ``out`` takes what is printed, ``fault`` an error, ``mistake`` one of ours."""

    def __init__(
        self,
        names: Mapping[str, Name],
        classes: tuple[Instances, ...],
        out: Callable[[bytes], None],
        fault: Callable[[InstrumentFault], None],
        mistake: Callable[[Exception], None],
    ) -> None:
        self._names = names
        self._classes = classes
        self._out = out
        self._fault = fault
        self._mistake = mistake
        self._slots: list[tuple[Callable[..., Value], int, float, bool]] = []
        self._lists: list[list[Value]] = []
        self._known: set[int] = set()
        self._swept = True  # no instance was made since scripts said which of them they know
        self.printed = 0

    def begin(self) -> None:
        """A message begins: lists of earlier ones are gone."""
        self._lists.clear()
        self.printed = 0

    def grow(self, lua: Lua) -> None:
        """Declare all names in a fresh interpreter."""
        self._slots.clear()
        for each in self._classes:
            for member, kind in each.members.items():
                lua.declare("member", kind, member, (each.name,))
        for name, entry in self._names.items():
            path = path_of(name)
            if isinstance(entry, Attribute):
                lua.declare("get", self._slot(entry.get, 0, 0, is_getter=True), None, path)
                if entry.set is not None:
                    lua.declare("set", self._slot(entry.set, 1, 1), None, path)
            elif isinstance(entry, Instance):
                lua.declare("instance", entry.number, entry.of, path)
            elif isinstance(entry, Function):
                slot = self._slot(self._making(entry.call) if entry.makes else entry.call, *entry.arity())
                lua.declare("make" if entry.makes else "call", slot, entry.makes, path)
            elif callable(entry):
                lua.declare("call", self._slot(entry, *arity(entry)), None, path)
            else:
                lua.declare("value", entry.value if isinstance(entry, Constant) else float(entry), None, path)
        lua.declare("alias", "localnode", None, ("node", 1))

    def host(self, number: int, *arguments: Value) -> tuple[Value, ...]:
        """Where Lua arrives."""
        try:
            if number >= FIRST_SLOT:
                result = self._use(number, arguments)
            elif number == PRINT:
                result = self._print(arguments[0])
            elif number == LIST:
                result = self._list(*arguments)
            elif number == MEMBER:
                result = self._member(*arguments)
            else:
                result = self._keep(number, *arguments)
        except InstrumentFault as fault:
            self._fault(fault)
            return (None, None)
        except (ScriptEnd, LabError) as end:  # the latter is the simulation's, and says what to change
            return (str(end),)
        except MISTAKES as mistake:
            self._mistake(mistake)
            self._fault(InstrumentFault(900))
            return (None, None)
        return (None, *result)

    def _slot(self, function: Callable[..., Value], fewest: int, most: float, *, is_getter: bool = False) -> int:
        self._slots.append((function, fewest, most, is_getter))
        return FIRST_SLOT + len(self._slots) - 1

    def _making(self, make: Callable[..., Value]) -> Callable[..., Value]:
        """``make``, or False where there is no room for it: Lua then says which instances it knows, and tries again."""

        def act(*arguments: Value) -> Value:
            swept, self._swept = self._swept, False
            try:
                return make(*arguments)
            except InstrumentFault as fault:
                if fault.code == OUT_OF_MEMORY and not swept:
                    return False
                raise

        return act

    def _use(self, number: int, arguments: tuple[Value, ...]) -> Results:
        function, fewest, most, is_getter = self._slots[number - FIRST_SLOT]
        if len(arguments) < fewest:
            raise InstrumentFault(TOO_FEW, f"Expected at least {fewest} parameters")
        if len(arguments) > most:
            raise InstrumentFault(-108)
        result = function(*[self._value(argument) for argument in arguments])
        if isinstance(result, tuple):
            return result
        return () if result is None and not is_getter else (result,)

    def _print(self, text: str) -> Results:
        self.printed += len(text) + 1
        if self.printed > MOST_OUTPUT:
            raise ScriptEnd(f"it printed more than {MOST_OUTPUT} bytes, and nobody reads them meanwhile")
        self._out(text.encode("latin-1", "replace"))
        return ()

    def _list(self, number: float | None = None, *values: Value) -> Results:
        if number is None:
            self._lists.append([])
            return (float(len(self._lists) - 1),)
        self._lists[int(number)] += [self._value(value) for value in values]
        return ()

    def _member(self, kind: str, number: float, name: str, *arguments: Value) -> Results:
        instances = self._classes[0]  # there is but one class: reading buffers
        values = [self._value(argument) for argument in arguments]
        if kind == "get":
            return (instances.get(int(number), name),)
        if kind == "item":
            return (instances.item(int(number), name, *values),)
        if kind == "set":
            instances.assign(int(number), name, *values)
        else:
            instances.call(int(number), name, *values)
        return ()

    def _keep(self, what: int, *numbers: float) -> Results:
        if what == KEEP:
            self._known.update(int(number) for number in numbers)
            return ()
        for instances in self._classes:
            instances.forget_all_but(self._known)
        self._known, self._swept = set(), True
        return ()

    def _value(self, value: Value) -> Value:
        if type(value) is int:
            return float(value)
        if isinstance(value, str) and value[:1] == "\0":
            kind, _, rest = value[1:].partition(":")
            if kind == "list" and rest.isdigit() and int(rest) < len(self._lists):
                return self._lists[int(rest)]
            number, _, column = rest.partition(":")
            return Mark(kind, int(number) if number.isdigit() else -1, column)
        return value
