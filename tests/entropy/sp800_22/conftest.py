"""Binary digits of pi, e and sqrt(2): the bits that NIST gives known answers for."""

import math

import numpy as np
import pytest

DIGITS = 1_000_000


@pytest.fixture(scope="session")
def digits():
    """uint8 (1000000,) of 0 and 1 under each name, the integer part included."""
    numbers = {"pi": pi(DIGITS), "e": e(DIGITS), "sqrt2": math.isqrt(2 << 2 * (DIGITS - 1))}
    return {name: np.unpackbits(np.frombuffer(n.to_bytes(DIGITS // 8, "big"), np.uint8)) for name, n in numbers.items()}


def e(digits):
    """The sum of 1/k!, by binary splitting."""

    def split(begin, end):
        if end - begin == 1:
            return 1, end
        middle = (begin + end) // 2
        p, q = split(begin, middle)
        r, s = split(middle, end)
        return p * s + r, q * s

    terms, size = 1, 0.0
    while size < digits + 64:
        terms += 1
        size += math.log2(terms)
    p, q = split(0, terms)
    return ((p + q) << (digits - 2)) // q


def pi(digits):
    """Chudnovsky's series, by binary splitting."""

    def split(begin, end):
        if end == 1:
            return 1, 1, 13591409
        if end - begin == 1:
            p = (6 * begin - 5) * (2 * begin - 1) * (6 * begin - 1)
            return p, begin**3 * 10939058860032000, (-1) ** begin * p * (13591409 + 545140134 * begin)
        middle = (begin + end) // 2
        p1, q1, t1 = split(begin, middle)
        p2, q2, t2 = split(middle, end)
        return p1 * p2, q1 * q2, t1 * q2 + p1 * t2

    _, q, t = split(0, digits // 47 + 3)
    return (426880 * math.isqrt(10005 << 2 * (digits + 64)) * q // t) >> 66
