"""Exact sums of doubles, and the roundings of the other engine's wider numbers: sums depend on the values alone, so
that neither order nor cut changes a bit. A sum is a Python integer in units of 2^-1074, the smallest double."""

import math
from fractions import Fraction

import numpy as np

UNIT_EXPONENT = 1074
_DIGIT_BITS = 32
_DIGITS = 67
_SMALL_SQUARE = 2.0**-484  # below it a square has bits that no double has
_LIMB = 27
_ROWS = 1 << 24  # of one call of bincount, whose float64 sums of 27-bit limbs are exact up to 2^26


def sum_of(values):
    """Σ v."""
    total = 0
    for begin in range(0, len(values), _ROWS):
        mantissas, groups, exponents = _decompose(values[begin : begin + _ROWS])
        total += _add_up(groups, exponents, [(mantissas, 0)])
    return total


def sum_of_squares(values):
    """Σ v², every square exact."""
    total = 0
    small = np.abs(values) < _SMALL_SQUARE
    for value in values[small & (values != 0)].tolist():
        # As two doubles: the square, and what rounding it left out.
        square = value * value
        rest = float(Fraction(value) ** 2 - Fraction(square))
        total += _units(square) + _units(rest)
    values = values[~small]
    for begin in range(0, len(values), _ROWS):
        mantissas, groups, exponents = _decompose(np.abs(values[begin : begin + _ROWS]))
        high, low = mantissas >> _LIMB, mantissas & ((1 << _LIMB) - 1)
        products = [(high * high, 2 * _LIMB), (high * low, _LIMB + 1), (low * low, 0)]
        total += _add_up(groups, 2 * exponents, products)
    return total


def _units(value):
    numerator, denominator = value.as_integer_ratio()
    return (numerator << UNIT_EXPONENT) // denominator


def _decompose(values):
    """Whole mantissas, the group of each by its exponent, and the groups' exponents."""
    fractions, exponents = np.frexp(values)
    mantissas = np.ldexp(fractions, 53).astype(np.int64)
    groups, inverse = np.unique(exponents.astype(np.int64) - 53, return_inverse=True)
    return mantissas, inverse.reshape(-1), groups


def _add_up(groups, exponents, parts):
    """Σ part · 2^(exponent + shift) in units; parts below 2^54."""
    slack = 256  # mantissas of subnormal numbers reach below the unit, with zeros there
    total = 0
    for values, shift in parts:
        high, low = values >> _LIMB, values & ((1 << _LIMB) - 1)
        highs = np.bincount(groups, weights=high, minlength=len(exponents))
        lows = np.bincount(groups, weights=low, minlength=len(exponents))
        for exponent, a, b in zip(exponents.tolist(), highs.tolist(), lows.tolist()):
            total += ((int(a) << _LIMB) + int(b)) << (exponent + shift + UNIT_EXPONENT + slack)
    return total >> slack


def round_to(value, bits):
    """A fraction to so many bits of mantissa, to nearest, ties to even; as an exact fraction."""
    value = Fraction(value)
    if value == 0:
        return value
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    scale = Fraction(2) ** (exponent - bits + 1)
    rounded = round(magnitude / scale) * scale  # Python rounds halves to even
    return rounded if value > 0 else -rounded


def value_of(units, bits):
    """A sum as the other engine reads it from its digits: from the top, rounding after each."""
    magnitude, total = abs(units), 0
    for digit in range(_DIGITS - 1, -1, -1):
        shift = _DIGIT_BITS * digit
        total = _round_integer(total + ((magnitude >> shift) & 0xFFFFFFFF if digit < _DIGITS - 1 else magnitude >> shift) * (1 << shift), bits)
    value = Fraction(total, 1 << UNIT_EXPONENT)
    return value if units >= 0 else -value


def _round_integer(value, bits):
    extra = value.bit_length() - bits
    if extra <= 0:
        return value
    half, rest = 1 << (extra - 1), value & ((1 << extra) - 1)
    value >>= extra
    if rest > half or (rest == half and value & 1):
        value += 1
    return value << extra


def sqrt_to(value, bits):
    """The square root of a fraction, rounded once."""
    if value == 0:
        return Fraction(0)
    shift = 2 * bits + 64
    shift += (value.denominator.bit_length() - value.numerator.bit_length()) // 2 * 2 if value < 1 else 0
    scaled = (value.numerator << (2 * shift)) // value.denominator
    root = math.isqrt(scaled)
    # A bit below the last one keeps what was cut off from looking like a tie.
    exact = root * root == scaled and (value.numerator << (2 * shift)) % value.denominator == 0
    return round_to(Fraction(2 * root + (0 if exact else 1), 1 << (shift + 1)), bits)
