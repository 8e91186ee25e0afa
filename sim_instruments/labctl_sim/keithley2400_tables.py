"""What a Keithley 2400 starts from and how it words its errors. Tags as in keithley2400.py."""

from __future__ import annotations

from typing import Any

SHORT_ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")  # always sent in this order (K24-314)
MAX_READINGS = 2500  # K24-402, both buffers

# K24-441, K24-526; negative codes that the standard words otherwise, and Keithley's own positive ones.
TEXTS = {
    -222: "Parameter data out of range",
    -224: "Illegal parameter value",
    -350: "Queue Overflow",
    701: "ASCII only with RS-232",
    800: "Illegal with storage active",
    801: "Insufficient vector data",
    802: "OUTPUT blocked by output enable",
    803: "Not permitted with OUTPUT off",
    804: "Expression list full",
    805: "Undefined expression exists",
    806: "Expression not found",
    807: "Definition not allowed",
    808: "Expression cannot be deleted",
    809: "Source memory location revised",
    810: "OUTPUT blocked by Over Temp",
    822: "Too small for sense range",
    823: "Invalid with source read-back on",
    824: "Cannot exceed compliance range",
    825: "Invalid with auto-ohms on",
    826: "Attempt to exceed power limit",
    828: "Invalid on 1 amp range",
    830: "Invalid with INF ARM:COUNT",
    900: "Internal System Error",
}

NUMBERS = (2, 3, *range(5, 13))  # limits that compare; 1 is compliance, 4 the contact check option
# CALCulate1, CALCulate2 and SOURce2 after *RST [MEM].
LIMITS_RESET: dict[str, Any] = {
    "math": False, "math_name": "POWER", "math_unit": "W", "calc_elements": ["CALC"],
    "limit_feed": "VOLT", "null": False, "null_offset": 0.0, "compliance_fail": "IN",
    **{f"limit{n}_on": False for n in (1, 4, *NUMBERS)},
    **{f"limit{n}_low": -1.0 for n in NUMBERS}, **{f"limit{n}_high": 1.0 for n in NUMBERS},
    **{f"limit{n}_{key}_pattern": 15 for n in (1, 4, *NUMBERS) for key in ("fail", "low", "high", "pass")},
    "pass_pattern": 15, "fail_pattern": 15, "pass_location": "NEXT", "fail_location": "NEXT",
    "bin_control": "IMM", "bin_mode": "GRAD", "bin_clear_auto": True,
    "port": 15, "port_size": "4", "port_clear_auto": False, "port_clear_delay": 1e-4, "port_mode": "EOT",
    "port_busy": "LO",
}  # fmt: skip

# The *RST column of K24-314 and its neighbours; 105 uA and 21 V of compliance: K24-110.
RESET: dict[str, Any] = {
    "output": False, "off": "NORM", "enable": False,
    "source": "VOLT", "clear_auto": False, "delay": 0.0, "delay_auto": True,
    "volts": 0.0, "amps": 0.0, "volts_triggered": 0.0, "amps_triggered": 0.0,
    "volt_mode": "FIX", "amp_mode": "FIX", "volt_range": 20.0, "amp_range": 1e-4,
    "volt_range_auto": True, "amp_range_auto": True, "ovp": 210.0,
    "volt_start": 0.0, "volt_stop": 0.0, "amp_start": 0.0, "amp_stop": 0.0,
    "volt_list": (0.0,), "amp_list": (0.0,),
    "sweep_points": 2500, "spacing": "LIN", "direction": "UP", "sweep_range": "BEST", "sweep_abort": "NEV",
    "functions": ["CURR"], "concurrent": True, "nplc": 1.0, "limit_amps": 105e-6, "limit_volts": 21.0,
    "sense_amp_range": 1e-4, "sense_volt_range": 20.0, "sense_amp_auto": True, "sense_volt_auto": True,
    "res_mode": "AUTO", "res_range": 210e3, "res_auto": True, "offset_compensated": False,
    "filter": False, "filter_count": 10, "filter_type": "REP",
    "elements": list(SHORT_ELEMENTS), "format": "ASC", "order": "NORM", "statistic": "MEAN", "stamps": "ABS",
    "arm_count": 1, "arm_source": "IMM", "arm_timer": 0.1, "arm_direction": "ACC", "arm_output": "NONE",
    "arm_input_line": 1, "arm_output_line": 2,
    "trigger_count": 1, "trigger_source": "IMM", "trigger_delay": 0.0, "trigger_direction": "ACC",
    "trigger_input": ["SOUR"], "trigger_output": ["NONE"], "trigger_input_line": 1, "trigger_output_line": 2,
    "four_wire": False, "guard": "CABL", "autozero": True, "range_change": "SING",
    "terminals": "FRON", "display": True, "digits": 6, "text": "", "text_shown": False, "beeper": True,
    "memory": False, "memory_points": 1, "memory_start": 1, "clear_mode": "ALW", "soak": 0.0,
    "registers": "ASC", "port_format": "ASC", "cache": True, "time_auto": False,
    **{f"sense_{kind}_{key}": value for kind in ("volt", "amp", "res")
       for key, value in (("lowest", 0.0), ("hold", False), ("hold_delay", 0.0), ("synchronous", False))},
    **LIMITS_RESET,
}  # fmt: skip

# Where SYST:PRES differs from *RST (K24-314, K24-359). That it also goes measuring for ever is not simulated.
PRESET: dict[str, Any] = {**RESET, "order": "SWAP"}

# Survives *RST and SYST:PRES (K24-402: TRACe; the line frequency [MEM]).
LASTING: dict[str, Any] = {
    "trace_points": 100, "feed": "SENS", "control": "NEV", "power_on": "RST", "line_auto": True, "exchange": True,
    "holdoff": False,
}  # fmt: skip
