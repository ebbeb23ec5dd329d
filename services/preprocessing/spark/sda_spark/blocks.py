"""Cuts the input into blocks: runs of whole rows that one task reads. The cut depends on the files alone."""

import numpy as np
import pyarrow as pa

from sda_spark import files
from sda_spark.arrow_reader import arrow_parts
from sda_spark.errors import DataError, bad_cell, bad_file, quoted
from sda_spark.parquet_reader import parquet_parts
from sda_spark.text_cut import cuts
from sda_spark.text_reader import read_records

PARTS = {"parquet": parquet_parts, "arrow": arrow_parts}  # what blocks of columnar files are

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEADER_BYTES = 256 * 1024
NEWLINE, QUOTE = 10, 34


def compression_of(magic):
    if magic[:2] == b"\x1f\x8b":
        return "gzip"
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        return "zstd"
    return None


def pieces(plan):
    """Every piece of every file that has to be looked at before blocks are known: (file, first byte)."""
    if plan["layout"]["kind"] in PARTS or _goes_on_from_the_begin(plan):
        return [(f, 0) for f in range(len(plan["files"]))]
    size = plan["block_bytes"]
    return [(f, begin) for f, file in enumerate(plan["files"]) for begin in range(0, file["bytes"], size)]


def _goes_on_from_the_begin(plan):
    """Whether where a block begins depends on all text before it: text_cut.py says why."""
    return plan["layout"]["kind"] == "text" and plan["layout"]["quotes"] and plan["rules"] is not None


def look_at(plan, piece):
    """What a piece says about where blocks begin."""
    f, begin = piece
    file = plan["files"][f]
    files.check_unchanged(file)
    if plan["layout"]["kind"] in PARTS:
        return {"file": f, "begin": 0, "parts": PARTS[plan["layout"]["kind"]](plan, file)}
    found = {"file": f, "begin": begin}
    if begin == 0:
        with files.open_input(file["path"]) as stream:
            found["compression"] = compression_of(stream.read(4))
            stream.seek(0)
            found["skip"], found["header_lines"] = _skip_header(plan, file, stream, found["compression"])
    if _goes_on_from_the_begin(plan):
        found["cuts"] = [] if found["compression"] else _cuts(plan, file, found["skip"])
        return found
    with files.open_input(file["path"]) as stream:
        stream.seek(begin)
        # Without quotes the first newline is all there is to know, and it is near.
        data = stream.read(plan["block_bytes"]) if plan["layout"]["quotes"] else _to_newline(stream, plan)
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(bytes_ == NEWLINE)
    quotes = np.flatnonzero(bytes_ == QUOTE) if plan["layout"]["quotes"] else np.zeros(0, dtype=np.int64)
    parity = np.searchsorted(quotes, newlines) % 2
    # In legal text a newline is inside a quoted field exactly when an odd number of quotes precedes it.
    found["quotes"] = int(len(quotes) % 2)
    for wanted in (0, 1):
        ends = newlines[parity == wanted]
        found[f"row_begin_{wanted}"] = int(begin + ends[0] + 1) if len(ends) else None
    return found


def _to_newline(stream, plan):
    data = bytearray()
    while len(data) < plan["block_bytes"]:
        read = stream.read(min(64 * 1024, plan["block_bytes"] - len(data)))
        data += read
        if not read or NEWLINE in read:
            break
    return bytes(data)


def _cuts(plan, file, skip):
    with files.open_input(file["path"]) as stream:
        return list(cuts(stream.read, plan["layout"], plan["max_row_bytes"], skip, plan["block_bytes"]))


def _skip_header(plan, file, stream, compression):
    """Where the first row begins, and how many lines stand before it."""
    layout = plan["layout"]
    if compression:
        stream = pa.CompressedInputStream(stream, compression)
    try:
        begin = stream.read(HEADER_BYTES)
    except OSError as error:
        if plan["rules"] is None:
            raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
        begin = b""  # the file's damage is noted where its rows are read
    mark = len(BYTE_ORDER_MARK) if begin.startswith(BYTE_ORDER_MARK) else 0
    if not layout["header"]:
        return mark, 0
    records = read_records(begin[mark:], layout, 1)
    if not records:
        raise DataError(bad_file(file["path"], "INPUT_EMPTY", "has no header line"))
    fields, line, end, lines = records[0]
    names = [name.encode() for name in layout["columns"]]
    if fields != names:
        delimiter = layout["delimiter"].encode()
        raise DataError(bad_cell(file["path"], line + 1, "", "HEADER_MISMATCH",
                                 f"has header {quoted(delimiter.join(fields))}; must be the columns of the first file, "
                                 f"{quoted(delimiter.join(names))}"))
    return mark + end, lines


def cut(plan, found):
    """The blocks, in row order, from what every piece said. Of text, the bytes [begin, end) of a file without the first
    `skip`; of columnar files a part."""
    by_file = {}
    for piece in found:
        by_file.setdefault(piece["file"], []).append(piece)
    blocks = []

    def add(**block):
        blocks.append({"index": len(blocks), **block})

    for f in sorted(by_file):
        said = sorted(by_file[f], key=lambda piece: piece["begin"])
        if plan["layout"]["kind"] in PARTS:
            for part in said[0]["parts"]:
                add(file=f, part=part, header_lines=0)
            continue
        first = said[0]
        if first["compression"]:
            # Compressed text can be read from its begin only.
            bounds = [(0, 0), (-1, 0)]
        elif "cuts" in first:
            bounds = [(0, 0), *first["cuts"]]
        else:
            bounds = [(0, 0), *((begin, 0) for begin in _row_begins(said, first["skip"]))]
        size = plan["files"][f]["bytes"]
        if bounds[-1][0] not in (-1, size):
            bounds.append((size, 0))
        for i, ((begin, ahead), (end, _)) in enumerate(zip(bounds, bounds[1:])):
            add(file=f, begin=begin, end=end, ahead=ahead, skip=first["skip"] if i == 0 else 0,
                header_lines=first["header_lines"] if i == 0 else 0, compression=first["compression"])
    return blocks


def _row_begins(said, skip):
    """A begin of a row in each piece of a file that has one, behind those of the pieces before."""
    last, parity = skip, 0
    for piece in said:
        row_begin = piece[f"row_begin_{parity}"]
        if piece["begin"] > skip and row_begin is not None and row_begin > last:
            last = row_begin
            yield row_begin
        parity ^= piece["quotes"]
