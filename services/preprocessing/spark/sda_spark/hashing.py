"""The random choices of docs/pipelines.md, "Random choices", over vectors."""

import numpy as np

TEST_SPLIT, VALIDATION_SPLIT, KEY_SPLIT, FOLD, SAMPLE_NEGATIVES, FEATURE_HASH = 1, 2, 3, 5, 6, 7

_MASK = (1 << 64) - 1


def _u64(value):
    return np.uint64(value & _MASK)


def mix(x):
    with np.errstate(over="ignore"):
        x = x + _u64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> _u64(30))) * _u64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> _u64(27))) * _u64(0x94D049BB133111EB)
        return x ^ (x >> _u64(31))


def hash_rows(seed, stream, rows):
    start = mix(mix(np.array([seed & _MASK], dtype=np.uint64)) ^ _u64(stream))
    return mix(start ^ rows.astype(np.uint64))


def unit(hashes):
    return (hashes >> _u64(11)).astype(np.float64) * 2.0**-53


def fnv(texts):
    """FNV-1a of every value of a binary or text array without nulls."""
    count = len(texts)
    if count == 0:
        return np.zeros(0, dtype=np.uint64)
    buffers = texts.buffers()
    offsets = np.frombuffer(buffers[1], dtype=np.int32)[texts.offset : texts.offset + count + 1].astype(np.int64)
    data = np.frombuffer(buffers[2], dtype=np.uint8) if buffers[2] is not None else np.zeros(0, dtype=np.uint8)
    sizes = np.diff(offsets)
    # The longest first, so that those with a byte at a place are always a prefix.
    order = np.argsort(-sizes, kind="stable")
    begins, sizes = offsets[:-1][order], sizes[order]
    hashes = np.full(count, _u64(0xCBF29CE484222325), dtype=np.uint64)
    prime = _u64(0x100000001B3)
    with np.errstate(over="ignore"):
        negative = -sizes
        for place in range(int(sizes[0])):
            left = int(np.searchsorted(negative, -place, side="left"))
            hashes[:left] = (hashes[:left] ^ data[begins[:left] + place]) * prime
    out = np.empty(count, dtype=np.uint64)
    out[order] = hashes
    return out


def hash_keys(seed, stream, texts):
    return hash_rows(seed, stream, fnv(texts))
