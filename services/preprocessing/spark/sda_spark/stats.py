"""What is learned from the values of one dense column: mergeable, bounded in memory, and dependent on the values alone.
The rules are those of "Quantiles" in docs/pipelines.md."""

import math
from fractions import Fraction

import numpy as np

from sda_spark import exact, hashing

SMALL = 4096
EXACT_DISTINCT = 131_072
REGISTER_BITS = 12
BUCKET_SHIFT = 42
LONG_DOUBLE, QUAD = 64, 113  # bits of mantissa


def _add_counts(keys, counts, more_keys, more_counts):
    merged, inverse = np.unique(np.concatenate((keys, more_keys)), return_inverse=True)
    sums = np.zeros(len(merged), dtype=np.int64)
    np.add.at(sums, inverse.reshape(-1), np.concatenate((counts, more_counts)))
    return merged, sums


def _ordered_bits(values):
    bits = values.view(np.int64)
    return np.where(bits >= 0, bits, np.int64(-(2**63)) - bits)


class DenseStats:
    """Counts of 0, 1, …, 4095; of other values the exact sums and, up to 131,072 of them, the counts; beyond that a
    HyperLogLog sketch and counts of buckets."""

    def __init__(self, values=(), missing=0):
        values = np.asarray(values, dtype=np.float64)
        is_small = (values >= 0) & (values < SMALL) & (values == np.floor(values))
        self.small = np.bincount(values[is_small].astype(np.int64), minlength=SMALL)
        self.missing = int(missing)
        large = values[~is_small]
        self.large = len(large)
        self.low = float(large.min()) if len(large) else 0.0
        self.high = float(large.max()) if len(large) else 0.0
        self.total = exact.sum_of(large)
        self.squares = exact.sum_of_squares(large)
        self.keys, self.counts = np.unique(large, return_counts=True)
        self.registers = self.buckets = self.bucket_counts = None
        self._bound()

    def _bound(self):
        if self.registers is None and len(self.keys) > EXACT_DISTINCT:
            self.registers = np.zeros(1 << REGISTER_BITS, dtype=np.uint8)
            self.buckets, self.bucket_counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        if self.registers is None or len(self.keys) == 0:
            return
        hashes = hashing.mix(self.keys.view(np.uint64))
        # The register of the first bits holds the longest run of zeros seen behind them (Flajolet et al. 2007).
        rest = (hashes << np.uint64(REGISTER_BITS)) | np.uint64(1 << (REGISTER_BITS - 1))
        np.maximum.at(self.registers, (hashes >> np.uint64(64 - REGISTER_BITS)).astype(np.int64),
                      (_leading_zeros(rest) + 1).astype(np.uint8))
        buckets = _ordered_bits(self.keys) >> BUCKET_SHIFT
        self.buckets, self.bucket_counts = _add_counts(self.buckets, self.bucket_counts, buckets, self.counts)
        self.keys, self.counts = np.zeros(0), np.zeros(0, dtype=np.int64)

    def merge(self, other):
        self.small = self.small + other.small
        self.missing += other.missing
        if other.large == 0:
            return self
        self.low = other.low if self.large == 0 else min(self.low, other.low)
        self.high = other.high if self.large == 0 else max(self.high, other.high)
        self.large += other.large
        self.total += other.total
        self.squares += other.squares
        self.keys, self.counts = _add_counts(self.keys, self.counts, other.keys, other.counts)
        if other.registers is not None:
            if self.registers is None:
                self.registers = np.zeros(1 << REGISTER_BITS, dtype=np.uint8)
                self.buckets, self.bucket_counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
            self.registers = np.maximum(self.registers, other.registers)
            self.buckets, self.bucket_counts = _add_counts(
                self.buckets, self.bucket_counts, other.buckets, other.bucket_counts)
        self._bound()
        return self

    @property
    def values(self):
        return self.large + int(self.small.sum())

    def extremes(self):
        """The least and the greatest value, or two Nones."""
        found = [float(i) for i in np.flatnonzero(self.small)[[0, -1]]] if self.small.any() else []
        if self.large:
            found += [self.low, self.high]
        return (min(found), max(found)) if found else (None, None)

    def distinct(self):
        small = int(np.count_nonzero(self.small))
        if self.registers is None:
            return small + len(self.keys)
        registers = float(len(self.registers))
        total = 0.0
        for rank in self.registers.tolist():
            total += math.ldexp(1.0, -rank)
        alpha = 0.7213 / (1 + 1.079 / registers)
        return small + math.floor(alpha * registers * registers / total + 0.5)

    def _ascending(self):
        places = np.flatnonzero(self.small)
        values = [places.astype(np.float64), self.keys]
        counts = [self.small[places], self.counts]
        if self.registers is not None:
            middles = (self.buckets << BUCKET_SHIFT) + (1 << (BUCKET_SHIFT - 1))
            bits = np.where(middles >= 0, middles, np.int64(-(2**63)) - middles)
            values.append(bits.view(np.float64))
            counts.append(self.bucket_counts)
        values, counts = np.concatenate(values), np.concatenate(counts)
        order = np.argsort(values, kind="stable")
        return values[order], counts[order]

    def quantiles(self, parts):
        """For i = 1 … parts − 1, repetitions left out."""
        values, counts = self._ascending()
        if len(values) == 0:
            return []
        seen = np.cumsum(counts)
        total = int(seen[-1])
        ranks = np.array([-(-i * total // parts) for i in range(1, parts)], dtype=np.int64)
        return np.unique(values[np.searchsorted(seen, ranks, side="left")]).tolist()

    def raw_moments(self):
        """Mean and standard deviation, rounded step by step as the other engine's long doubles are."""
        total = exact.value_of(self.total, LONG_DOUBLE)
        squares = exact.value_of(self.squares, LONG_DOUBLE)
        for i in np.flatnonzero(self.small).tolist():
            count = int(self.small[i])
            total = exact.round_to(total + exact.round_to(count * i, LONG_DOUBLE), LONG_DOUBLE)
            product = exact.round_to(exact.round_to(count * i, LONG_DOUBLE) * i, LONG_DOUBLE)
            squares = exact.round_to(squares + product, LONG_DOUBLE)
        count = self.values
        mean = exact.round_to(total / count, LONG_DOUBLE)
        variance = exact.round_to(exact.round_to(squares / count, LONG_DOUBLE)
                                  - exact.round_to(mean * mean, LONG_DOUBLE), LONG_DOUBLE)
        return float(mean), float(exact.sqrt_to(max(variance, Fraction(0)), LONG_DOUBLE))


def _leading_zeros(words):
    high, low = (words >> np.uint64(32)).astype(np.float64), (words & np.uint64(0xFFFFFFFF)).astype(np.float64)
    return np.where(high > 0, 32 - np.frexp(high)[1], 64 - np.frexp(low)[1])


class Moments:
    """Mean and spread of the values present, for `standardise` and `fill_missing` by the mean."""

    def __init__(self, values, mean_only):
        self.mean_only = mean_only
        self.count = len(values)
        self.low = float(values.min()) if len(values) else 0.0
        self.high = float(values.max()) if len(values) else 0.0
        self.total = exact.sum_of(values)
        self.squares = 0 if mean_only else exact.sum_of_squares(values)

    def merge(self, other):
        if other.count == 0:
            return self
        self.low = other.low if self.count == 0 else min(self.low, other.low)
        self.high = other.high if self.count == 0 else max(self.high, other.high)
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        return self

    def numbers(self):
        count = max(self.count, 1)
        mean = exact.round_to(exact.value_of(self.total, QUAD) / count, QUAD)
        if self.mean_only:
            return [float(mean)]
        squares = exact.round_to(exact.value_of(self.squares, QUAD) / count, QUAD)
        variance = exact.round_to(squares - exact.round_to(mean * mean, QUAD), QUAD)
        # One value alone has no spread, whatever rounding says.
        scale = 0.0 if self.low == self.high else math.sqrt(max(float(variance), 0.0))
        return [float(mean), scale if scale > 0 else 1.0]
