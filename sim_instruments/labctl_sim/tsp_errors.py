"""Numbers and words of the errors of Keithley's TSP instruments. Source of the table: QKT; K26-8-2 for what they do.

An error is queued and the script goes on; only Lua's own run-time errors (-286) end it (K26-8-2).
"""

from __future__ import annotations

SYNTAX, RUNTIME, OUT_OF_MEMORY, OVERRUN = -285, -286, -225, -363
INFORMATIONAL, RECOVERABLE, SERIOUS = 10.0, 20.0, 30.0  # K26-9-89

TEXTS = {
    0: "Queue Is Empty",
    -101: "Invalid Character",
    -102: "Syntax Error",
    -104: "Data Type",
    -108: "Parameter Not Allowed",
    -109: "Missing Parameter",
    -113: "Undefined Header",
    -211: "Trigger Ignored",
    -220: "Parameter",
    -221: "Settings Conflict",
    -222: "Parameter Data Out of Range",
    -223: "Too Much Data",
    -224: "Illegal Parameter Value",
    -225: "Out of Memory or TSP Memory allocation error",
    -281: "Cannot Create Program",
    -282: "Illegal program name",
    -285: "Program Syntax",
    -286: "TSP Runtime error",
    -292: "Referenced name does not exist",
    -350: "Queue Overflow",
    -363: "Input Buffer Over-run",
    -410: "Query Interrupted",
    -420: "Query Unterminated",
    -430: "Query Deadlocked",
    802: "Output Blocked By Interlock",
    900: "Internal System",
    1100: "Command Unavailable",
    1101: "Parameter Too Big",
    1102: "Parameter Too Small",
    1103: "Max Greater Than Min",
    1114: "Settings conflict",
    1115: "Parameter error",
    1400: "Expected at least 1 parameters",
    1401: "Parameter 1 is invalid",
    1404: "Invalid byte order",
    1405: "Invalid ASCII precision",
    1406: "Invalid data format",
    1801: "Invalid digital I/O Line",
    4903: "Reading buffer expired",
    5005: "Value too big for range",
    5007: "Operation would exceed safe operating area of the instrument",
    5008: "Operation not permitted while output is on",
    5028: "Cannot perform requested operation while source autorange is enabled",
    5032: "Cannot change this setting unless buffer is cleared",
    5033: "Reading buffer not found within device",
    5040: "Cannot use same reading buffer for multiple overlapped measurements",
    5041: "Output Enable not asserted",
    5042: "Invalid while overlapped measure",
    5046: "SMU too hot",
    5059: "trigger.source.action enabled without configuration",
    5060: "trigger.measure.action enabled without configuration",
    5061: "Operation not permitted while OUTPUT is off",
}
