"""Column operations: a node with what it learned, applied to a batch. Formulas: docs/pipelines.md."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark import conversions, hashing
from sda_spark.bad_values import BadValues, is_not
from sda_spark.columns import Column, Distinct, all_missing, key_of, plain, to_numpy
from sda_spark.conversions import LARGEST_NUMBER
from sda_spark.dates import date_parts, read_seconds


def enum(options, name, default):
    """An option's value, "STRATEGY_MEAN" in the plan, as docs/pipelines.md writes it: "mean"."""
    return options[name][len(name) + 1 :].lower() if name in options else default


def enums(options, name, prefix):
    return [value[len(prefix) + 1 :].lower() for value in options.get(name, [])]


def run(node, columns, state, rows):
    """The output columns of a node. `state` is what it learned (state.NodeState), `rows` the batch's Rows."""
    return _OPERATIONS[node["operation"]](node, columns, state, rows)


def _numbers(values, missing):
    out_of_range = ~(np.abs(values) <= LARGEST_NUMBER)
    gone = missing | out_of_range
    return Column("number", np.where(gone, 0.0, values), gone)


# ---- conversions and arithmetic ----


def _identity(node, columns, state, rows):
    return [columns[0]]


def _convert(function):
    return lambda node, columns, state, rows: [function(columns[0])]


def _fill_missing(node, columns, state, rows):
    options, column = node["options"], columns[0]
    missing = column.missing_flags()
    if enum(options, "strategy", "constant") == "constant":
        number, text = options.get("value", 0.0), options.get("text", "")
    else:
        number, text = (state.numbers or [0.0])[0], state.text or ""
    if column.kind == "text":
        filled = Column("text", texts=column.texts.fill_null(text))
    else:
        fill = int(number) if column.kind == "integer" else float(number)
        filled = Column(column.kind, np.where(missing, fill, column.values), np.zeros(len(missing), dtype=bool))
    indicator = Column("integer", missing.astype(np.int64), np.zeros(len(missing), dtype=bool))
    return [filled, indicator] if options.get("indicator") else [filled]


def _clip(node, columns, state, rows):
    low, high = node["options"].get("min"), node["options"].get("max")
    values, missing = columns[0].values, columns[0].missing
    if columns[0].kind == "integer":
        if low is not None:
            values = np.maximum(values, int(low))
        if high is not None:
            values = np.minimum(values, int(high))
        return [Column("integer", values, missing)]
    if low is not None:
        values = np.where(values < low, low, values)
    if high is not None:
        values = np.where(high < values, high, values)
    return [_numbers(values, missing)]


def _log(node, columns, state, rows):
    # math's, of the different values: NumPy's own differs from the C library's in the last bit on some processors.
    values, inverse = np.unique(np.abs(columns[0].values), return_inverse=True)
    logs = np.fromiter(map(math.log1p, values.tolist()), dtype=np.float64, count=len(values))
    return [_numbers(np.copysign(logs[inverse.reshape(-1)], columns[0].values), columns[0].missing)]


def _standardise(node, columns, state, rows):
    mean, scale = state.numbers
    return [_numbers((columns[0].values - mean) / scale, columns[0].missing)]


def _difference(node, columns, state, rows):
    return [_numbers(columns[0].values - columns[1].values, columns[0].missing | columns[1].missing)]


def _ratio(node, columns, state, rows):
    with np.errstate(divide="ignore", invalid="ignore"):
        values = columns[0].values / columns[1].values
    return [_numbers(np.where(np.isnan(values), np.inf, values), columns[0].missing | columns[1].missing)]


# ---- ids ----


def _quantile_bucket(node, columns, state, rows):
    bounds = np.array(quantile_bounds(node, state), dtype=np.float64)
    ids = 1 + np.searchsorted(bounds, columns[0].values, side="left")
    return [Column("id", np.where(columns[0].missing, 0, ids).astype(np.int64))]


def quantile_bounds(node, state):
    return state.numbers if node["options"].get("buckets", 0) > 0 else node["options"].get("bounds", [])


def _hash(node, columns, state, rows):
    column, options = columns[0], node["options"]

    def ids(texts):
        hashes = hashing.hash_keys(options.get("seed", 0), hashing.FEATURE_HASH, texts)
        return 1 + (hashes % np.uint64(options["buckets"])).astype(np.int64)

    distinct = Distinct(column.texts)
    values = distinct.spread(ids(distinct.values), 0)
    return [Column("id list", values, offsets=column.offsets) if column.is_list else Column("id", values)]


def read_hexadecimal(texts, modulus):
    """The numbers of a text array row by row, 0 where null; the missing flags; what is none."""
    distinct = Distinct(texts)
    bad = ~to_numpy(pc.match_substring_regex(distinct.values, pattern="^[0-9a-fA-F]{1,16}$"))
    numbers = np.array([0 if wrong else int(text, 16) for text, wrong in zip(distinct.values.to_pylist(), bad)], dtype=np.uint64)
    if modulus:
        numbers = numbers % np.uint64(modulus)
    problems = BadValues(distinct, bad, "BAD_NUMBER", is_not("is not 1 to 16 hexadecimal digits"))
    return distinct.spread(numbers.view(np.int64), 0), distinct.codes < 0, problems


def _hex_to_integer(node, columns, state, rows):
    values, missing, problems = read_hexadecimal(columns[0].texts, node["options"].get("modulus", 0))
    problems.raise_first()
    return [Column("integer", values, missing)]


def reserved_ids(options):
    missing, unknown = options.get("reserve_missing", True), options.get("reserve_unknown", True)
    return int(missing) + int(unknown), int(missing and unknown)


def _categorify(node, columns, state, rows):
    options = node["options"]
    first, unknown = reserved_ids(options)

    def ids(keys):
        distinct = Distinct(keys)
        places = state.table.find(distinct.values)
        return distinct.spread(np.where(places < 0, unknown, first + places), unknown)

    if columns[0].kind == "text list":
        values = ids(columns[0].texts.cast(pa.binary()))
        return [Column("id list", values, offsets=columns[0].offsets)]
    values = ids(key_of(columns))
    if options.get("reserve_missing", True):
        values = np.where(all_missing(columns), 0, values)
    return [Column("id", values)]


def problems_of(node, texts):
    """What a node that looks into texts of the log cannot take of them: BadValues."""
    readers = {"to_number": conversions.read_numbers, "to_integer": conversions.read_integers,
               "to_time": conversions.read_times,
               "hex_to_integer": lambda texts: read_hexadecimal(texts, 0),
               "date_parts": lambda texts: read_seconds(texts, _in_milliseconds(node["options"]))}
    return readers[node["operation"]](texts)[2]


# ---- encodings by counts and labels ----


def _places(columns, state):
    """The place of each row's key among the learned ones, -1 for others."""
    distinct = Distinct(key_of(columns))
    return distinct.spread(state.table.find(distinct.values), -1)


def _counts(columns, state):
    places = _places(columns, state)
    counts = state.table.counts
    return np.where(places < 0, 0, counts[places]) if len(counts) else np.zeros(len(places), dtype=np.int64)


def _count_encode(node, columns, state, rows):
    counts = _counts(columns, state)
    return [Column("integer", counts, np.zeros(len(counts), dtype=bool))]


def _frequency_encode(node, columns, state, rows):
    counts = _counts(columns, state)
    divisor = state.numbers[0] if state.numbers[0] > 0 else 1.0
    return [Column("number", counts.astype(np.float64) / divisor, np.zeros(len(counts), dtype=bool))]


def _target_encode(node, columns, state, rows):
    options, table = node["options"], state.table
    smoothing, folds, least = options.get("smoothing", 20.0), options.get("folds", 5), options.get("min_count", 1)
    places = _places(columns, state)
    known = places >= 0

    def at(values):
        return np.where(known, values[places], 0) if len(values) else np.zeros(len(places), dtype=np.int64)

    key_rows, key_positives = at(table.counts), at(table.positives)
    all_rows = np.full(len(places), int(state.numbers[0]), dtype=np.int64)
    all_positives = np.full(len(places), int(state.numbers[1]), dtype=np.int64)
    # Out of fold: nothing of a row's own fold, its label least of all, goes into its value.
    train = rows.splits == 0
    fold = (hashing.hash_rows(rows.seed, hashing.FOLD, rows.numbers) % np.uint64(folds)).astype(np.int64)
    all_rows -= np.where(train, np.array(state.fold_rows, dtype=np.int64)[fold], 0)
    all_positives -= np.where(train, np.array(state.fold_positives, dtype=np.int64)[fold], 0)
    cell = np.where(known, places * folds + fold, 0)
    if len(table.counts):
        key_rows = key_rows - np.where(train & known, table.fold_counts[cell], 0)
        key_positives = key_positives - np.where(train & known, table.fold_positives[cell], 0)

    prior = np.where(all_rows > 0, all_positives.astype(np.float64) / np.maximum(all_rows, 1).astype(np.float64), 0.0)
    weight = key_rows.astype(np.float64) + smoothing
    alone = (key_rows < least) | (weight == 0)
    weighted = smoothing * prior
    values = (key_positives.astype(np.float64) + weighted) / np.where(alone, 1.0, weight)
    return [Column("number", np.where(alone, prior, values), np.zeros(len(places), dtype=bool))]


# ---- dates and lists ----


def _date_parts(node, columns, state, rows):
    options = node["options"]
    return date_parts(columns[0], enums(options, "parts", "PART"), _in_milliseconds(options), options.get("offset_minutes", 0))


def _in_milliseconds(options):
    return enum(options, "unit", "seconds") == "milliseconds"


def _split_list(node, columns, state, rows):
    options = node["options"]
    # The parts of a missing text are one empty part, which is left out.
    lists = plain(pc.split_pattern(columns[0].texts.fill_null(""), pattern=options.get("separator", "|")))
    parts = lists.flatten()
    offsets = to_numpy(lists.offsets).astype(np.int64) - lists.offsets[0].as_py() if len(lists) else np.zeros(1, np.int64)
    if options.get("trim", True):
        parts = pc.utf8_trim(parts, characters=" ")
    kept = to_numpy(pc.not_equal(parts, "")) if len(parts) else np.zeros(0, dtype=bool)
    before = np.concatenate(([0], np.cumsum(kept))).astype(np.int64)
    return [Column("text list", texts=parts.filter(pa.array(kept)), offsets=before[offsets])]


def _truncate_list(node, columns, state, rows):
    most = node["options"]["max_values"]
    begins, ends = columns[0].offsets[:-1], columns[0].offsets[1:]
    if enum(node["options"], "keep", "first") == "first":
        return [columns[0].take_ranges(begins, np.minimum(ends, begins + most))]
    return [columns[0].take_ranges(np.maximum(begins, ends - most), ends)]


def _multi_hot(node, columns, state, rows):
    lists = columns[0]
    distinct = Distinct(lists.texts.cast(pa.binary()))
    places = distinct.spread(state.table.find(distinct.values), -1)
    row_of = np.repeat(np.arange(len(lists.offsets) - 1), np.diff(lists.offsets))
    none = np.zeros(len(lists.offsets) - 1, dtype=bool)
    made = []
    for k in range(len(node["outputs"])):
        values = np.zeros(len(none), dtype=np.int64)
        values[row_of[places == k]] = 1
        made.append(Column("integer", values, none))
    return made


_OPERATIONS = {
    "to_number": _convert(conversions.to_number), "to_integer": _convert(conversions.to_integer),
    "to_text": _convert(conversions.to_text), "to_time": _convert(conversions.to_time), "cast": _identity,
    "fill_missing": _fill_missing, "clip": _clip, "log": _log, "standardise": _standardise,
    "difference": _difference, "ratio": _ratio, "quantile_bucket": _quantile_bucket, "hash": _hash,
    "hash_list": _hash, "hex_to_integer": _hex_to_integer, "categorify": _categorify,
    "group_categorify": _categorify, "count_encode": _count_encode, "frequency_encode": _frequency_encode,
    "target_encode": _target_encode, "date_parts": _date_parts, "split_list": _split_list,
    "truncate_list": _truncate_list, "multi_hot": _multi_hot,
}
