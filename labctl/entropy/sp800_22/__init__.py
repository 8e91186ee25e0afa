"""The NIST statistical test suite for random bits, SP 800-22 revision 1a, on packed bits. See docs/certify.md.

>>> results = run(bits)                                  # doctest: +SKIP
>>> results[0]                                           # doctest: +SKIP
Result(test='frequency', variant='', p_value=0.578..., status=<Status.PASSED: 'passed'>, reason='')

These tests look for a fault in bits that should be perfect. They say nothing of entropy: what a seed of eight bits
expanded by a hash would pass, they pass. Certify raw bits with SP 800-90B and a model.
"""

from labctl.entropy.sp800_22.multiplicity import adjusted, expected_failures
from labctl.entropy.sp800_22.parameters import NIST, Parameters, Profile
from labctl.entropy.sp800_22.result import Result, Status
from labctl.entropy.sp800_22.second_level import Row, Summary, run_many, split, summarise, summarise_columns
from labctl.entropy.sp800_22.sequence import Sequence
from labctl.entropy.sp800_22.suite import TESTS, run

__all__ = [
    "NIST",
    "TESTS",
    "Parameters",
    "Profile",
    "Result",
    "Row",
    "Sequence",
    "Status",
    "Summary",
    "adjusted",
    "expected_failures",
    "run",
    "run_many",
    "split",
    "summarise",
    "summarise_columns",
]
