"""The sizes that the standard recommends, below which a P-value is a number and no more."""

from __future__ import annotations

from labctl.entropy.sp800_22.parameters import Parameters

_BITS = {
    # "each sequence to be tested should consist of a minimum of ..." (2.1.7, 2.2.7 and so on)
    "frequency": 100,
    "block_frequency": 100,
    "cumulative_sums": 100,
    "runs": 100,
    "longest_run": 128,
    "rank": 38 * 32 * 32,
    "fft": 1000,
    "overlapping_template": 1_000_000,
    "linear_complexity": 1_000_000,
    "random_excursions": 1_000_000,
    "random_excursions_variant": 1_000_000,
}


def shortfall(test: str, n: int, parameters: Parameters) -> str:
    """What ``n`` bits lack for ``test`` by the standard's recommendation; empty if nothing."""
    least = _BITS.get(test, 0)
    if n < least:
        return f"{n} bits are fewer than the {least} that the standard recommends"
    log2 = n.bit_length() - 1
    if test == "approximate_entropy" and parameters.approximate_entropy_length >= log2 - 5:
        return f"patterns of {parameters.approximate_entropy_length} bits are too long for {n}: less than {log2 - 5}"
    if test == "serial" and parameters.serial_length >= log2 - 2:
        return f"patterns of {parameters.serial_length} bits are too long for {n}: less than {log2 - 2}"
    if test == "linear_complexity" and not (
        parameters.linear_complexity_length >= 500 and n // parameters.linear_complexity_length >= 200
    ):
        return f"blocks of {parameters.linear_complexity_length} bits: choose 500 to 5000, and 200 blocks or more"
    if test == "block_frequency" and parameters.block_frequency_length < 20:
        return f"blocks of {parameters.block_frequency_length} bits are shorter than the 20 that the standard asks for"
    return ""
