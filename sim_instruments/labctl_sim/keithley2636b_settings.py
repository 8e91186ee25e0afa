"""What a channel of the 2636B keeps: every attribute with its default, what it accepts, and where that stands.

Facts: 2600B reference manual, tagged K26-<page> (K26B = Rev. B); QC, TMD: open drivers; [MEM] = from memory, verify.
"""

from __future__ import annotations

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import TOO_BIG, Check, Setting, Value, number, one_of, span, whole

VOLT_RANGES = (0.2, 2.0, 20.0, 200.0)
AMP_RANGES = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1.5)
MEASURE_AMP_RANGES = (1e-10, *AMP_RANGES)  # 100 pA: measuring only [MEM]
OVERRANGE = 1.01  # of a range, sourced [MEM]
FULL_SCALE = 1.02  # of a range, measured [MEM]
SAFE_VOLTS, SAFE_AMPS = 20.0, 0.1  # beyond both at once is outside of the safe operating area
AMPS, VOLTS = 0.0, 1.0  # OUTPUT_DCAMPS, OUTPUT_DCVOLTS
OFF, ON, HIGH_Z = 0.0, 1.0, 2.0
NORMAL, ZERO = 0.0, 1.0
SENSE_LOCAL, SENSE_REMOTE, SENSE_CALA = 0.0, 1.0, 3.0
AUTO = -1.0
FOLLOW_LIMIT = 2.0
DISABLE, ENABLE, ASYNC = 0.0, 1.0, 2.0
SOURCE_IDLE, SOURCE_HOLD = 0.0, 1.0
LIMIT_AUTO = "auto"  # [MEM]


def range_for(value: float, ranges: tuple[float, ...], reach: float = OVERRANGE) -> float:
    """The lowest range that holds ``value``."""
    return next((scale for scale in ranges if abs(value) <= reach * scale * (1 + 1e-9)), ranges[-1])


def ranged(ranges: tuple[float, ...]) -> Check:
    """The range that is large enough for a value (K26-7-247); 1101 if there is none."""

    def check(value: Value) -> float:
        wanted = abs(number(value))
        if wanted > ranges[-1] * OVERRANGE:
            raise InstrumentFault(TOO_BIG)
        return next(scale for scale in (*ranges, ranges[-1]) if wanted <= scale * (1 + 1e-9) or scale == ranges[-1])

    return check


def delay(value: Value) -> float:
    """Seconds, or -1 for automatic."""
    return AUTO if number(value) == AUTO else span(0, 99_999)(value)


def swept_limit(value: Value) -> float | str:
    """A limit in force during a sweep, or the normal one."""
    return LIMIT_AUTO if value == LIMIT_AUTO else span(0, 200)(value)


SETTINGS = (
    Setting("sense", SENSE_LOCAL, one_of(SENSE_LOCAL, SENSE_REMOTE, SENSE_CALA), "K26-67"),
    # -- source
    Setting("source.func", VOLTS, one_of(AMPS, VOLTS), "K26-9-242"),
    Setting("source.levelv", 0.0, span(-200 * OVERRANGE, 200 * OVERRANGE), "K26-9-244"),
    Setting("source.leveli", 0.0, span(-1.5 * OVERRANGE, 1.5 * OVERRANGE), "K26-9-244"),
    Setting("source.limitv", 20.0, span(20e-3, 200), "K26-9-244"),
    Setting("source.limiti", 100e-3, span(100e-12, 1.5), "K26-9-244"),
    Setting("source.limitp", 0.0, span(0, 303), "K26-9-245", verify=True),
    Setting("source.rangev", 0.2, ranged(VOLT_RANGES), "K26-7-247"),
    Setting("source.rangei", 1e-9, ranged(AMP_RANGES), "K26-7-247"),
    Setting("source.autorangev", 1.0, one_of(0, 1), "K26-7-234"),
    Setting("source.autorangei", 1.0, one_of(0, 1), "K26-7-234"),
    Setting("source.lowrangev", 0.2, ranged(VOLT_RANGES), "K26-9-245"),
    Setting("source.lowrangei", 1e-9, ranged(AMP_RANGES), "K26-9-245"),
    Setting("source.delay", 0.0, delay, "K26-9-241", verify=True),
    Setting("source.settling", 0.0, whole(0, 128), "TMD", verify=True),
    Setting("source.sink", 0.0, one_of(0, 1), "TMD", verify=True),
    Setting("source.highc", 0.0, one_of(0, 1), "TMD"),
    Setting("source.offmode", NORMAL, one_of(NORMAL, ZERO, HIGH_Z), "2651A p.528"),
    Setting("source.offfunc", VOLTS, one_of(AMPS, VOLTS), "K26-67"),
    Setting("source.offlimiti", 1e-3, span(100e-12, 1.5), "K26-101"),
    Setting("source.offlimitv", 40.0, span(20e-3, 200), "K26-101"),
    Setting("source.outputenableaction", 0.0, one_of(0, 1), "2600B p.597"),
    # -- measure
    Setting("measure.autorangev", 1.0, one_of(0, 1), "K26-7-214"),
    Setting("measure.autorangei", 1.0, one_of(0, 1, FOLLOW_LIMIT), "K26-7-214"),
    Setting("measure.rangev", 20.0, ranged(VOLT_RANGES), "K26-7-226", verify=True),
    Setting("measure.rangei", 100e-3, ranged(MEASURE_AMP_RANGES), "K26-7-226", verify=True),
    Setting("measure.lowrangev", 0.2, ranged(VOLT_RANGES), "TMD", verify=True),
    Setting("measure.lowrangei", 1e-10, ranged(MEASURE_AMP_RANGES), "TMD", verify=True),
    Setting("measure.nplc", 1.0, span(0.001, 25), "PM"),
    Setting("measure.autozero", 2.0, one_of(0, 1, 2), "K26-7-215"),
    Setting("measure.count", 1.0, whole(1, 1_000_000), "TMD"),
    Setting("measure.interval", 0.0, span(0, 1), "TMD", verify=True),
    Setting("measure.delay", AUTO, delay, "K26-7-218"),
    Setting("measure.delayfactor", 1.0, span(0, 100), "K26-7-219", verify=True),
    Setting("measure.analogfilter", 1.0, one_of(0, 1), "K26B-7-198"),
    Setting("measure.highcrangedelayfactor", 10.0, span(1, 99), "TMD", verify=True),
    Setting("measure.filter.enable", 0.0, one_of(0, 1), "TMD"),
    Setting("measure.filter.count", 1.0, whole(1, 100), "TMD"),
    Setting("measure.filter.type", 1.0, one_of(0, 1, 2), "TMD", verify=True),
    *(Setting(f"measure.rel.enable{y}", 0.0, one_of(0, 1), "TMD") for y in "virp"),
    *(Setting(f"measure.rel.level{y}", 0.0, number, "TMD") for y in "virp"),
    # -- sweeps
    Setting("trigger.count", 1.0, whole(0, 1_000_000), "TMD"),
    Setting("trigger.arm.count", 1.0, whole(0, 1_000_000), "TMD"),
    Setting("trigger.autoclear", 0.0, one_of(0, 1), "TMD"),
    Setting("trigger.source.action", DISABLE, one_of(DISABLE, ENABLE), "TMD"),
    Setting("trigger.measure.action", DISABLE, one_of(DISABLE, ENABLE, ASYNC), "TMD"),
    Setting("trigger.endpulse.action", SOURCE_HOLD, one_of(SOURCE_IDLE, SOURCE_HOLD), "TMD", verify=True),
    Setting("trigger.endsweep.action", SOURCE_HOLD, one_of(SOURCE_IDLE, SOURCE_HOLD), "K26A-19-143"),
    Setting("trigger.source.limitv", LIMIT_AUTO, swept_limit, "TMD", verify=True),
    Setting("trigger.source.limiti", LIMIT_AUTO, swept_limit, "TMD", verify=True),
)

CONSTANTS = {
    "DISABLE": 0, "ENABLE": 1, "ASYNC": 2, "AUTORANGE_OFF": 0, "AUTORANGE_ON": 1, "AUTORANGE_FOLLOW_LIMIT": 2,
    "OUTPUT_OFF": 0, "OUTPUT_ON": 1, "OUTPUT_HIGH_Z": 2, "OUTPUT_DCAMPS": 0, "OUTPUT_DCVOLTS": 1,
    "OUTPUT_NORMAL": 0, "OUTPUT_ZERO": 1, "SENSE_LOCAL": 0, "SENSE_REMOTE": 1, "SENSE_CALA": 3,
    "AUTOZERO_OFF": 0, "AUTOZERO_ONCE": 1, "AUTOZERO_AUTO": 2, "DELAY_OFF": 0, "DELAY_AUTO": -1,
    "FILTER_OFF": 0, "FILTER_ON": 1, "FILTER_MOVING_AVG": 0, "FILTER_REPEAT_AVG": 1, "FILTER_MEDIAN": 2,
    "REL_OFF": 0, "REL_ON": 1, "SOURCE_IDLE": 0, "SOURCE_HOLD": 1, "OE_NONE": 0, "OE_OUTPUT_OFF": 1,
    "SETTLE_SMOOTH": 0, "SETTLE_FAST_RANGE": 1, "SETTLE_FAST_POLARITY": 2, "SETTLE_DIRECT_IRANGE": 3,
    "SETTLE_SMOOTH_100NA": 4, "SETTLE_FAST_ALL": 128, "FILL_ONCE": 0, "FILL_WINDOW": 1,
}  # fmt: skip
