"""Delimited text: a block's bytes to its fields."""

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sda_spark import files
from sda_spark.errors import DataError, bad_file

# Bytes that may stand for a delimiter of several bytes, where the text has none of them.
SUBSTITUTES = [b"\x1f", b"\x1e", b"\x1d", b"\x1c", b"\x01", b"\x02"]


class CellError(Exception):
    """Text that is no row: line in the block, position of the column or -1, reason, rule."""

    def __init__(self, line, column, reason, rule):
        super().__init__(rule)
        self.line, self.column, self.reason, self.rule = line, column, reason, rule


class Cells:
    """The fields of a block: Arrow binary arrays for the columns wanted. `lines_of_rows()` and `lines` count lines from
    0 in the block. `error` is what ended the block early; its rows stand before it."""

    def __init__(self, columns, rows, lines, lines_of_rows, error=None):
        self.columns, self.rows, self.lines, self.error = columns, rows, lines, error
        self._lines_of_rows = lines_of_rows

    def line(self, row):
        return int(self._lines_of_rows()[row])


def read_text_block(plan, block, wanted):
    file = plan["files"][block["file"]]
    try:
        with files.open_input(file["path"]) as stream:
            if block["compression"]:
                data = pa.CompressedInputStream(stream, block["compression"]).read()[block["begin"] :]
            else:
                stream.seek(block["begin"])
                data = stream.read(block["end"] - block["begin"])
    except OSError as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
    if data and not data.endswith(b"\n"):
        data += b"\n"
    return parse(data, plan["layout"], wanted)


def parse(data, layout, wanted):
    quick = _parse_plain(data, layout, wanted)
    return quick if quick is not None else _parse_walking(data, layout, wanted)


def _parse_plain(data, layout, wanted):
    """Text without quotes, by Arrow's reader. None where the text needs a closer look."""
    if layout["quotes"] and b'"' in data:
        return None
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return None  # Arrow's reader ends a line there
    delimiter = layout["delimiter"].encode()
    text = data
    if len(delimiter) > 1:
        substitute = next((s for s in SUBSTITUTES if s not in data), None)
        if substitute is None:
            return None
        text, delimiter = data.replace(delimiter, substitute), substitute
    elif delimiter[0] >= 0x80:
        return None
    if not text.strip(b"\r\n"):
        return Cells([pa.array([], pa.binary())] * len(wanted), 0, data.count(b"\n"), lambda: [])
    names = [str(i) for i in range(len(layout["columns"]))]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(text),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter.decode(), quote_char=False, escape_char=False),
            convert_options=pa.csv.ConvertOptions(
                check_utf8=False, column_types={name: pa.binary() for name in names}, strings_can_be_null=False,
                null_values=[], include_columns=[str(i) for i in wanted] or ["0"]),
        )
    except pa.ArrowInvalid:
        return None
    columns = [_one(table.column(str(i))) for i in wanted]
    return Cells(columns, table.num_rows, data.count(b"\n"), lambda: _lines_that_are_not_blank(data))


def _one(chunked):
    return chunked.chunk(0) if chunked.num_chunks == 1 else pa.concat_arrays(chunked.chunks)


def _lines_that_are_not_blank(data):
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == 10)
    begins = np.concatenate(([0], ends[:-1] + 1))
    sizes = ends - begins
    returns = (sizes == 1) & (bytes_[np.minimum(begins, len(bytes_) - 1)] == 13)
    return np.flatnonzero((sizes > 0) & ~returns)


def _parse_walking(data, layout, wanted):
    """Row by row: quotes, long delimiters, and text that is none of a table, whose place it finds."""
    lists = [[] for _ in wanted]
    lines_of_rows = []
    walker = Walker(data, layout)
    error = None
    try:
        for fields, line in walker.records():
            if len(fields) != len(layout["columns"]):
                noun = "field" if len(fields) == 1 else "fields"
                raise CellError(line, -1, "RAGGED_ROW", f"has {len(fields)} {noun}; must have {len(layout['columns'])}")
            for values, column in zip(lists, wanted):
                values.append(fields[column])
            lines_of_rows.append(line)
    except CellError as found:
        error = found
    columns = [pa.array(values, pa.binary()) for values in lists]
    return Cells(columns, len(lines_of_rows), walker.line, lambda: lines_of_rows, error)


class Walker:
    """Walks through text record by record, as RFC 4180 has it."""

    def __init__(self, data, layout):
        self.data, self.at, self.line = data, 0, 0
        self.delimiter, self.quotes = layout["delimiter"].encode(), layout["quotes"]

    def records(self):
        data = self.data
        while self.at < len(data):
            if data[self.at] == 10 or data[self.at : self.at + 2] == b"\r\n":
                self.at += 1 if data[self.at] == 10 else 2
                self.line += 1
                continue
            line = self.line
            end = data.index(b"\n", self.at)
            if not self.quotes or data.find(b'"', self.at, end) < 0:
                stop = end - 1 if data[end - 1] == 13 else end
                fields = data[self.at : stop].split(self.delimiter)
                self.at, self.line = end + 1, self.line + 1
            else:
                fields = self._record(line)
            yield fields, line

    def _record(self, first_line):
        data, fields = self.data, []
        while True:
            quoted = self.at < len(data) and data[self.at] == 34
            fields.append(self._quoted(len(fields)) if quoted else self._plain(len(fields)))
            if self.at >= len(data):
                raise CellError(first_line, len(fields) - 1, "UNCLOSED_ROW", "has no end")
            if data[self.at] == 10:
                self.at, self.line = self.at + 1, self.line + 1
                return fields
            self.at += len(self.delimiter)

    def _plain(self, column):
        data, begin = self.data, self.at
        end = data.find(b"\n", begin)
        if end < 0:
            raise CellError(self.line, column, "UNCLOSED_ROW", "has no end")
        mark = data.find(self.delimiter, begin, end)
        stop = end if mark < 0 else mark
        if data.find(b'"', begin, stop) >= 0:
            raise CellError(self.line, column, "BAD_QUOTING",
                            "has a quote inside an unquoted field; quote the field and double the quote")
        self.at = stop
        if mark < 0 and stop > begin and data[stop - 1] == 13:
            return data[begin : stop - 1]
        return data[begin:stop]

    def _quoted(self, column):
        data, opened, begin = self.data, self.line, self.at + 1
        at = begin
        while True:
            at = data.find(b'"', at)
            if at < 0:
                raise CellError(opened, column, "BAD_QUOTING", "opens a quote that is never closed")
            if data[at + 1 : at + 2] != b'"':
                break
            at += 2
        self.line += data.count(b"\n", begin, at)
        value = data[begin:at].replace(b'""', b'"')
        self.at = at + 1
        if data[self.at : self.at + 2] == b"\r\n":
            self.at += 1
        if data[self.at : self.at + 1] != b"\n" and not data.startswith(self.delimiter, self.at):
            raise CellError(self.line, column, "BAD_QUOTING", "has text behind the closing quote")
        return value


def read_records(text, layout, limit):
    """The first records of a text: (fields, line, end, lines)."""
    if not text.endswith(b"\n"):
        text += b"\n"
    walker, found = Walker(text, layout), []
    try:
        for fields, line in walker.records():
            found.append((fields, line, min(walker.at, len(text)), walker.line))
            if len(found) == limit:
                break
    except CellError:
        pass
    return found
