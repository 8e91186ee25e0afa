"""What may be chosen: the profile, the level, and the parameters that NIST's program asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from labctl.core.errors import ParameterError


class Profile(StrEnum):
    """Whose numbers are meant."""

    STS = "sts-2.1.2"
    """NIST's C program, with its rounded and mistaken constants."""
    EXACT = "exact"
    """Class probabilities computed, known errors corrected, recommended sizes insisted on."""


@dataclass(frozen=True)
class Parameters:
    """NIST's defaults.

    ``minimums`` insists on the sizes that the standard recommends, and a test that lacks them is not applicable; None
    leaves it to the profile (``exact`` insists; the C, and so ``sts-2.1.2``, computes whatever is defined).
    ``fft_divisor`` is the 4 in the variance n 0.95 0.05 / 4 of the spectral test. The literature has 3.8, see
    docs/certify.md. ``universal_length`` is L of the universal test; None takes it from n, as the standard does.
    ``excursion_cycles`` is how many cycles the excursion tests need at least.
    """

    profile: Profile = Profile.STS
    alpha: float = 0.01
    block_frequency_length: int = 128
    non_overlapping_length: int = 9
    overlapping_length: int = 9
    approximate_entropy_length: int = 10
    serial_length: int = 16
    linear_complexity_length: int = 500
    universal_length: int | None = None
    fft_divisor: float = 4.0
    excursion_cycles: int = 500
    minimums: bool | None = None

    def __post_init__(self) -> None:
        for name, least, most in (
            ("block_frequency_length", 1, None),
            ("non_overlapping_length", 2, 16),
            ("overlapping_length", 2, 16),
            ("approximate_entropy_length", 1, 23),
            ("serial_length", 2, 24),
            ("linear_complexity_length", 10, 5000),
            ("universal_length", 6, 16),
            ("excursion_cycles", 1, None),
        ):
            value = getattr(self, name)
            if value is not None and (value < least or (most is not None and value > most)):
                span = f"between {least} and {most}" if most is not None else f"{least} or more"
                raise ParameterError(f"{name} is {value}; choose {span}")
        if not 0 < self.alpha < 1:
            raise ParameterError(f"alpha is {self.alpha}; choose a probability between 0 and 1, such as 0.01")
        if not self.fft_divisor > 0:
            raise ParameterError(f"fft_divisor is {self.fft_divisor}; choose 4 (the standard) or 3.8 (the literature)")

    @property
    def exact(self) -> bool:
        """Whether known errors are corrected."""
        return self.profile is Profile.EXACT

    @property
    def insists(self) -> bool:
        """Whether the recommended sizes are insisted on."""
        return self.exact if self.minimums is None else self.minimums


NIST = Parameters()
"""What NIST's program does unless told otherwise."""
