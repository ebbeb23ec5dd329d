"""Columns of a batch of rows, by the types of docs/pipelines.md."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Column:
    """Texts are an Arrow string array whose nulls are the missing ones; numbers and integers a NumPy vector with a
    vector of flags; ids a vector; lists offsets into their elements, which are texts or ids."""

    __slots__ = ("kind", "missing", "offsets", "texts", "values")

    def __init__(self, kind, values=None, missing=None, texts=None, offsets=None):
        self.kind, self.values, self.missing, self.texts, self.offsets = kind, values, missing, texts, offsets

    @property
    def is_list(self):
        return self.offsets is not None

    def missing_flags(self):
        if self.kind == "text":
            return to_numpy(pc.is_null(self.texts))
        return self.missing if self.missing is not None else np.zeros(len(self.values), dtype=bool)

    def keep(self, flags):
        """The rows whose flag is set."""
        if not self.is_list:
            pick = lambda values: None if values is None else values[flags]  # noqa: E731
            texts = None if self.texts is None else self.texts.filter(pa.array(flags))
            return Column(self.kind, pick(self.values), pick(self.missing), texts)
        return self.take_ranges(self.offsets[:-1][flags], self.offsets[1:][flags])

    def take_ranges(self, begins, ends):
        """Of a list column: a list for each range of the elements."""
        index, offsets = ranges(begins, ends)
        texts = None if self.texts is None else self.texts.take(pa.array(index))
        values = None if self.values is None else self.values[index]
        return Column(self.kind, values=values, texts=texts, offsets=offsets)


def ranges(begins, ends):
    """The numbers of all ranges one behind the other, and where each begins."""
    sizes = ends - begins
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    index = np.arange(offsets[-1], dtype=np.int64) - np.repeat(offsets[:-1] - begins, sizes)
    return index, offsets


def to_numpy(array):
    return array.to_numpy(zero_copy_only=False)


def plain(array):
    """One array, whatever a compute function made of it."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


class Distinct:
    """The different values of a text array, and for each row which of them it has; nulls have -1. Functions of texts
    are evaluated for the different ones only."""

    def __init__(self, texts):
        encoded = texts.dictionary_encode()
        self.values = encoded.dictionary
        self.codes = to_numpy(encoded.indices.fill_null(-1)).astype(np.int64)

    def spread(self, results, missing):
        """From results for the values to results for the rows; null rows get `missing`."""
        if len(results) == 0:
            return np.full(len(self.codes), missing, dtype=results.dtype)
        out = results[self.codes]
        out[self.codes < 0] = missing
        return out

    def first_row(self, bad):
        """The first row whose value is among the flagged ones, or None."""
        if not bad.any():
            return None
        flags = self.spread(bad, False)
        return int(np.argmax(flags))


def key_of(columns):
    """The keys of rows, docs/pipelines.md, "Crossed keys": Arrow binary without nulls."""
    if len(columns) == 1:
        return columns[0].texts.fill_null("").cast(pa.binary())
    parts = []
    for column in columns:
        texts = pc.replace_substring(column.texts, pattern="\\", replacement="\\\\")
        texts = pc.replace_substring(texts, pattern="\x1f", replacement="\\x")
        parts.append(texts.fill_null("\\N"))
    return plain(pc.binary_join_element_wise(*parts, "\x1f")).cast(pa.binary())


def all_missing(columns):
    flags = columns[0].missing_flags().copy()
    for column in columns[1:]:
        flags &= column.missing_flags()
    return flags


def big_endian(words):
    """The eight bytes of each word, the greatest first."""
    data = words.astype(">u8").tobytes()
    return [data[i : i + 8] for i in range(0, len(data), 8)]
