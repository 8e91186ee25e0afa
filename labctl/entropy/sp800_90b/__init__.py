"""Entropy of a noise source by the black-box methods of NIST SP 800-90B (January 2018)."""

from __future__ import annotations

from labctl.entropy.sp800_90b.estimate import Estimate
from labctl.entropy.sp800_90b.non_iid import Assessment, assess, estimates
from labctl.entropy.sp800_90b.symbols import Symbols

__all__ = ["Assessment", "Estimate", "Symbols", "assess", "estimates"]
