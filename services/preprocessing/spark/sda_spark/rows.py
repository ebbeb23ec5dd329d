"""The rows of a batch: their numbers, labels and splits; and the row operations."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark import hashing
from sda_spark.bad_values import BadValues
from sda_spark.columns import Distinct, big_endian, to_numpy
from sda_spark.conversions import parse_numbers, parse_times
from sda_spark.errors import BadField, quoted
from sda_spark.operations import enum, enums

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLITS = ("train", "validation", "test")


class Rows:
    """`numbers` over the whole log, `within` the block as it was read; both only of the rows that are left."""

    def __init__(self, seed, first_row, count, in_test_file):
        self.seed, self.first_row, self.in_test_file = seed, first_row, in_test_file
        self.within = np.arange(count, dtype=np.int64)
        self.labels = np.zeros(count, dtype=np.int64)
        self.splits = np.full(count, TEST if in_test_file else TRAIN, dtype=np.int8)

    @property
    def numbers(self):
        return self.within + self.first_row

    def __len__(self):
        return len(self.within)

    def keep(self, flags):
        self.within, self.labels, self.splits = self.within[flags], self.labels[flags], self.splits[flags]


def read_labels(fields, positive_values, null_values):
    """1 for clicks, row by row, from the raw fields; and what is no label."""
    distinct = Distinct(fields)
    values = distinct.values
    nulls = [b""] + [null.encode() for null in null_values]
    missing = to_numpy(pc.is_in(values, value_set=pa.array(nulls, pa.binary())))
    if positive_values:
        positive = to_numpy(pc.is_in(values, value_set=pa.array([p.encode() for p in positive_values], pa.binary())))
        labels, bad = positive.astype(np.int64), missing & ~positive
    else:
        texts = pa.array([_text(v) for v in values.to_pylist()], pa.string())
        numbers, bad = parse_numbers(texts)
        bad |= (numbers != 0) & (numbers != 1)
        labels = (numbers == 1).astype(np.int64)

    def rule(value):
        if value in nulls:
            return "the label is missing"
        return (f"label {quoted(value)} is neither 0 nor 1; name the values that count as clicks "
                "(positive_values, --positive)")

    return distinct.spread(labels, 0), BadValues(distinct, bad, "BAD_LABEL", rule)


def _text(value):
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "no number"


def deal_by_request(rows, split, fields, time_bound, test_files):
    """The request's split, where no step deals the rows. `fields` are the raw ones of the split's column."""
    validation = hashing.unit(hashing.hash_rows(rows.seed, hashing.VALIDATION_SPLIT, rows.numbers))
    dealt = np.where(validation < split["validation_share"], VALIDATION, TRAIN)
    if test_files:
        test = np.full(len(rows), rows.in_test_file)
    elif split["kind"] == "fraction":
        test = hashing.unit(hashing.hash_rows(rows.seed, hashing.TEST_SPLIT, rows.numbers)) < split["test_share"]
    elif split["kind"] == "hash":
        test = _by_key(rows.seed, fields, split["test_share"])
    else:
        times, problems = request_times(fields)
        problems.raise_first()
        test = times > time_bound
    rows.splits = np.where(test, TEST, dealt).astype(np.int8)


def request_times(fields):
    """The times of a split by time that the request asks for, row by row, and what is none: every row needs one."""
    distinct = Distinct(fields)
    texts = pa.array([_text(v) for v in distinct.values.to_pylist()], pa.string())
    times, bad = parse_times(texts)
    problems = BadValues(distinct, bad, "BAD_TIME",
                         lambda value: f"{quoted(value)} is neither a number nor an ISO 8601 date or time")
    return distinct.spread(times, 0.0), problems


def _by_key(seed, keys, share):
    distinct = Distinct(keys)
    return distinct.spread(hashing.unit(hashing.hash_keys(seed, hashing.KEY_SPLIT, distinct.values)) < share, False)


# ---- steps ----


def applies_to(options, splits, default=SPLITS):
    """Which rows a step with `splits` is about."""
    wanted = enums(options, "splits", "SPLIT") or default
    return np.isin(splits, [SPLITS.index(name) for name in wanted])


def filter_rows(options, column, rows):
    """The rows that `filter` keeps."""
    comparison = enum(options, "comparison", "equal")
    if column.kind in ("id list", "text list"):
        missing = np.zeros(len(rows), dtype=bool)
    else:
        missing = column.missing_flags()
    if comparison == "missing":
        matches = missing
    elif comparison == "not_missing":
        matches = ~missing
    elif "number" in options:
        compare = {"equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_or_equal": np.less_equal,
                   "greater": np.greater, "greater_or_equal": np.greater_equal}[comparison]
        matches = compare(column.values, options["number"]) & ~missing
    else:
        listed = to_numpy(pc.is_in(column.texts, value_set=pa.array(options.get("values", []), pa.string())))
        matches = (listed if comparison in ("equal", "in") else ~listed) & ~missing
    return ~applies_to(options, rows.splits) | matches


def sample_negatives(options, rows):
    draws = hashing.unit(hashing.hash_rows(rows.seed, hashing.SAMPLE_NEGATIVES, rows.numbers))
    applies = applies_to(options, rows.splits, ("train",))
    return (rows.labels == 1) | ~applies | (draws < options["keep_share"])


def deal_by_step(options, columns, rows, state, test_files):
    """The step `split`. `state` is what it learned: a bound, the parts' places, or the splits of single rows."""
    by = enum(options, "by", "fraction")
    if by == "last_part":
        begin, middle = state.numbers
        numbers = rows.numbers
        dealt = np.where(numbers < begin, TRAIN, np.where(numbers < middle, TEST, VALIDATION))
        rows.splits = dealt.astype(np.int8)
        return
    if by in ("time", "leave_last_out") and not rows.in_test_file:
        missing = columns[-1].missing_flags()
        if missing.any():
            raise BadField(int(np.argmax(missing)), "BAD_TIME", "the time is missing; rows are split by it")
    if by == "leave_last_out":
        dealt = np.full(len(rows), TRAIN, dtype=np.int8)
        places = np.searchsorted(rows.within, state.within)
        dealt[places] = state.values
        rows.splits = np.full(len(rows), TEST, dtype=np.int8) if test_files and rows.in_test_file else dealt
        return
    draws = hashing.unit(hashing.hash_rows(rows.seed, hashing.VALIDATION_SPLIT, rows.numbers))
    dealt = np.where(draws < options.get("validation_share", 0.1), VALIDATION, TRAIN)
    share = options.get("test_share", 0.2)
    if test_files:
        test = np.full(len(rows), rows.in_test_file)
    elif by == "fraction":
        test = hashing.unit(hashing.hash_rows(rows.seed, hashing.TEST_SPLIT, rows.numbers)) < share
    elif by == "hash":
        test = _by_key(rows.seed, columns[0].texts.fill_null(""), share)
    else:
        test = columns[0].values > state.numbers[0]
    rows.splits = np.where(test, TEST, dealt).astype(np.int8)


def sort_keys(options, columns):
    """Arrow binary whose order is that of the rows: missing last whatever the order, numbers by their bits, texts with
    an end that sorts before any byte."""
    orders = enums(options, "orders", "ORDER")
    orders += ["ascending"] * (len(columns) - len(orders))
    parts = [_sort_key(column, order == "descending") for column, order in zip(columns, orders)]
    return pa.array([b"".join(row) for row in zip(*parts)], pa.binary())


def _sort_key(column, descending):
    flip = bytes(255 - i for i in range(256))
    missing = column.missing_flags()
    if column.kind == "number":
        bits = (np.where(column.values == 0, 0.0, column.values)).view(np.uint64)
        negative = (bits >> np.uint64(63)).astype(bool)
        ordered = np.where(negative, ~bits, bits | np.uint64(1 << 63))
        if descending:
            ordered = ~ordered
        keys = big_endian(ordered)
    else:
        keys = []
        for text in column.texts.fill_null("").to_pylist():
            key = text.encode().replace(b"\0", b"\0\xff") + b"\0\0"
            keys.append(key.translate(flip) if descending else key)
    return [b"\1" if gone else b"\0" + key for gone, key in zip(missing.tolist(), keys)]
