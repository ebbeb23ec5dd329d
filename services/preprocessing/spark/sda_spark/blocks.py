"""Cuts the input into blocks: runs of whole rows that one task reads. The cut depends on the files alone."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sda_spark import files
from sda_spark.errors import DataError, bad_cell, bad_file, quoted
from sda_spark.text_reader import read_records

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
    if plan["layout"]["kind"] == "parquet":
        return [(f, 0) for f in range(len(plan["files"]))]
    size = plan["block_bytes"]
    return [(f, begin) for f, file in enumerate(plan["files"]) for begin in range(0, file["bytes"], size)]


def look_at(plan, piece):
    """What a piece says about where blocks begin."""
    f, begin = piece
    file = plan["files"][f]
    files.check_unchanged(file)
    if plan["layout"]["kind"] == "parquet":
        return {"file": f, "begin": 0, "row_groups": _row_groups(file)}
    found = {"file": f, "begin": begin}
    if begin == 0:
        with files.open_input(file["path"]) as stream:
            found["compression"] = compression_of(stream.read(4))
            stream.seek(0)
            found["text_begin"], found["header_lines"] = _skip_header(plan, file, stream, found["compression"])
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


def _row_groups(file):
    try:
        with files.open_input(file["path"]) as stream:
            metadata = pq.ParquetFile(stream).metadata
            return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    except pa.ArrowInvalid as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None


def _skip_header(plan, file, stream, compression):
    """Where the first row begins, and how many lines stand before it."""
    layout = plan["layout"]
    if compression:
        stream = pa.CompressedInputStream(stream, compression)
    try:
        begin = stream.read(HEADER_BYTES)
    except OSError as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
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
    """The blocks, in row order, from what every piece said."""
    by_file = {}
    for piece in found:
        by_file.setdefault(piece["file"], []).append(piece)
    blocks = []

    def add(**block):
        blocks.append({"index": len(blocks), **block})

    for f, file in enumerate(plan["files"]):
        said = sorted(by_file[f], key=lambda piece: piece["begin"])
        if plan["layout"]["kind"] == "parquet":
            for group, rows in enumerate(said[0]["row_groups"]):
                if rows:
                    add(file=f, row_group=group, starts_file=group == 0, header_lines=0)
            continue
        begin, lines = said[0]["text_begin"], said[0]["header_lines"]
        common = {"file": f, "compression": said[0]["compression"]}
        if common["compression"]:
            # Compressed text can be read from its begin only.
            add(begin=begin, end=-1, starts_file=True, header_lines=lines, **common)
            continue
        bounds = [begin]
        parity = 0
        for piece in said:
            row_begin = piece[f"row_begin_{parity}"]
            if piece["begin"] > bounds[0] and row_begin is not None and bounds[-1] < row_begin < file["bytes"]:
                bounds.append(row_begin)
            parity ^= piece["quotes"]
        bounds.append(file["bytes"])
        for i, (first, last) in enumerate(zip(bounds, bounds[1:])):
            add(begin=first, end=last, starts_file=i == 0, header_lines=lines if i == 0 else 0, **common)
    return blocks
