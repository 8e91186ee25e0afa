"""Entropy of a noise source by the black-box methods of NIST SP 800-90B (January 2018)."""

from __future__ import annotations

from labctl.entropy.sp800_90b.estimate import Estimate
from labctl.entropy.sp800_90b.iid import IidAssessment, IidChecks, assess_iid, iid_checks
from labctl.entropy.sp800_90b.non_iid import Assessment, assess, estimates
from labctl.entropy.sp800_90b.restart import Restarts, assess_restarts, sanity_cutoff
from labctl.entropy.sp800_90b.symbols import Symbols

__all__ = [
    "Assessment",
    "Estimate",
    "IidAssessment",
    "IidChecks",
    "Restarts",
    "Symbols",
    "assess",
    "assess_iid",
    "assess_restarts",
    "estimates",
    "iid_checks",
    "sanity_cutoff",
]
