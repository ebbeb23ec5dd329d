"""Delimited text: a block's bytes to its fields."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sda_spark import files
from sda_spark.cells import CellError, Cells, joined
from sda_spark.errors import DataError, bad_file
from sda_spark.text_cut import BLOCK_BYTES, TextCutter

# Bytes that may stand for a delimiter of several bytes, where the text has none of them.
SUBSTITUTES = [b"\x1f", b"\x1e", b"\x1d", b"\x1c", b"\x01", b"\x02"]
NEWLINE, RETURN = 10, 13


def read_text_block(plan, block, wanted):
    file, layout = plan["files"][block["file"]], plan["layout"]
    try:
        with files.open_input(file["path"]) as stream:
            if plan["rules"] is None:
                return _parse_up_to_long_line(_bytes_of(stream, block)[block["skip"] :], plan, wanted)
            cells = CellsOfPieces(layout, wanted, plan["rules"]["policy"])
            for piece in _pieces(plan, block, stream):
                cells.add(piece)
                if piece.end >= block["end"] >= 0:
                    break
            return cells.result()
    except OSError as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None


def _bytes_of(stream, block):
    if block["compression"]:
        return pa.CompressedInputStream(stream, block["compression"]).read()
    stream.seek(block["begin"])
    return stream.read(block["end"] - block["begin"])


def _pieces(plan, block, stream):
    layout, most = plan["layout"], plan["max_row_bytes"]
    if block["compression"]:
        return TextCutter(pa.CompressedInputStream(stream, block["compression"]).read, layout, most, skip=block["skip"]).pieces()
    if layout["quotes"]:
        stream.seek(block["begin"])
        return TextCutter(stream.read, layout, most, block["begin"], block["skip"], block["ahead"]).pieces()
    # Without quotes the cut is no matter: larger pieces are read faster, and nothing behind the block is needed.
    text = io.BytesIO(_bytes_of(stream, block))
    return TextCutter(text.read, layout, most, block["begin"], block["skip"],
                      block_bytes=min(max(plan["block_bytes"], BLOCK_BYTES), most)).pieces()


def _parse_up_to_long_line(data, plan, wanted):
    begin, most = 0, plan["max_row_bytes"]
    while len(data) - begin >= most:
        newline = data.rfind(b"\n", begin, begin + most)
        if newline < 0:
            cells = parse(data[:begin], plan["layout"], wanted)
            if cells.error is None:
                cells.error = CellError(cells.lines, -1, "ROW_TOO_LONG", f"has more than {most} bytes; is this a log with lines?")
            return cells
        begin = newline + 1
    return parse(data, plan["layout"], wanted)


class CellsOfPieces:
    """Collects the fields of a block that is read piece by piece."""

    def __init__(self, layout, wanted, policy):
        self.layout, self.wanted, self.policy = layout, wanted, policy
        self.columns, self.lines_of_rows = [[] for _ in wanted], []
        self.rows = self.lines = 0
        self.bad = []

    def add(self, piece):
        cells = parse(piece.text, self.layout, self.wanted, self.policy)
        for arrays, column in zip(self.columns, cells.columns):
            arrays.append(column)
        self.lines_of_rows.append(np.asarray(cells.lines_of_rows(), dtype=np.int64) + self.lines)
        for error in cells.bad:
            error.line += self.lines
        self.bad += cells.bad
        self.rows += cells.rows
        self.lines += cells.lines
        if piece.damage:
            self.bad.append(CellError(self.lines, -1, *piece.damage))
            self.lines += piece.lost_lines

    def result(self):
        return Cells([joined(arrays) for arrays in self.columns], self.rows, self.lines,
                     lambda: np.concatenate(self.lines_of_rows or [np.zeros(0, dtype=np.int64)]), bad=self.bad)


def parse(data, layout, wanted, policy="fail"):
    """The fields of whole rows. Where bad rows do not end the job, those that were left out or mended are told."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    quick = _parse_plain(data, layout, wanted, policy)
    return quick if quick is not None else _parse_walking(data, layout, wanted, policy)


def _parse_plain(data, layout, wanted, policy):
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
    lines = data.count(b"\n")
    found = _read_table(text, delimiter, layout, wanted)
    if found is not None:
        return Cells(*found, lines, lambda: _lines_that_are_not_blank(data))
    if policy == "fail":
        return None
    mended, lines_of_rows, bad = _mend(text, delimiter, len(layout["columns"]), policy)
    found = _read_table(mended, delimiter, layout, wanted)
    return None if found is None else Cells(*found, lines, lambda: lines_of_rows, bad=bad)


def _read_table(text, delimiter, layout, wanted):
    """Columns and number of rows; None where a row is ragged."""
    if not text.strip(b"\r\n"):
        return [pa.array([], pa.binary())] * len(wanted), 0
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
    return [joined(table.column(str(i)).chunks) for i in wanted], table.num_rows


def _lines_of(data):
    """Where lines begin and end, and which are not blank."""
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == NEWLINE)
    begins = np.concatenate(([0], ends + 1))[:-1]
    sizes = ends - begins
    returns = (sizes == 1) & (bytes_[begins] == RETURN)
    return begins, ends, (sizes > 0) & ~returns


def _lines_that_are_not_blank(data):
    return np.flatnonzero(_lines_of(data)[2])


def _mend(text, delimiter, columns, policy):
    """Plain text without ragged rows, the lines that its rows stand in, and what was wrong with the others."""
    begins, ends, filled = _lines_of(text)
    marks = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == delimiter[0])
    fields = np.searchsorted(marks, ends) - np.searchsorted(marks, begins) + 1
    ragged = np.flatnonzero(filled & (fields != columns)).tolist()
    bad = [ragged_row(line, int(fields[line]), columns) for line in ragged]
    parts, at = [], 0
    for line in ragged:
        parts.append(text[at : begins[line]])
        at = int(ends[line]) + 1
        if policy == "null":
            values = text[begins[line] : ends[line]].removesuffix(b"\r").split(delimiter)
            parts.append(delimiter.join(mended_row(values, columns)) + b"\n")
    parts.append(text[at:])
    if policy == "skip":
        filled[ragged] = False
    return b"".join(parts), np.flatnonzero(filled), bad


def ragged_row(line, found, columns):
    return CellError(line, -1, "RAGGED_ROW", f"has {found} {'field' if found == 1 else 'fields'}; must have {columns}")


def mended_row(values, columns):
    return values[:columns] + [b""] * (columns - len(values))


def _parse_walking(data, layout, wanted, policy):
    """Row by row: quotes, long delimiters, and text that is none of a table, whose place it finds."""
    lists = [[] for _ in wanted]
    lines_of_rows, bad = [], []
    columns = len(layout["columns"])
    walker = Walker(data, layout)
    error = None
    while not walker.at_end and error is None:
        try:
            for fields, line in walker.records():
                if len(fields) != columns:
                    if policy == "fail":
                        raise ragged_row(line, len(fields), columns)
                    bad.append(ragged_row(line, len(fields), columns))
                    if policy == "skip":
                        continue
                    fields = mended_row(fields, columns)
                for values, column in zip(lists, wanted):
                    values.append(fields[column])
                lines_of_rows.append(line)
        except CellError as found:
            if policy == "fail":
                error = found
            else:
                bad.append(found)
                walker.skip_line()
    arrays = [pa.array(values, pa.binary()) for values in lists]
    return Cells(arrays, len(lines_of_rows), walker.line, lambda: lines_of_rows, error, bad)


class Walker:
    """Walks through text record by record, as RFC 4180 has it. What raises a CellError leaves it at the bad field."""

    def __init__(self, data, layout):
        self.data, self.at, self.line = data, 0, 0
        self.delimiter, self.quotes = layout["delimiter"].encode(), layout["quotes"]

    @property
    def at_end(self):
        return self.at >= len(self.data)

    def records(self):
        data = self.data
        while self.at < len(data):
            if data[self.at] == NEWLINE or data[self.at : self.at + 2] == b"\r\n":
                self.at += 1 if data[self.at] == NEWLINE else 2
                self.line += 1
                continue
            line = self.line
            end = data.index(b"\n", self.at)
            if not self.quotes or data.find(b'"', self.at, end) < 0:
                stop = end - 1 if data[end - 1] == RETURN else end
                fields = data[self.at : stop].split(self.delimiter)
                self.at, self.line = end + 1, self.line + 1
            else:
                fields = self._record(line)
            yield fields, line

    def skip_line(self):
        """Moves behind the line in which the bad field begins."""
        self.at = self.data.index(b"\n", self.at) + 1
        self.line += 1

    def _record(self, first_line):
        data, fields = self.data, []
        while True:
            quoted = self.at < len(data) and data[self.at] == 34
            fields.append(self._quoted(len(fields)) if quoted else self._plain(len(fields)))
            if self.at >= len(data):
                raise CellError(first_line, len(fields) - 1, "UNCLOSED_ROW", "has no end")
            if data[self.at] == NEWLINE:
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
        if mark < 0 and stop > begin and data[stop - 1] == RETURN:
            return data[begin : stop - 1]
        return data[begin:stop]

    def _quoted(self, column):
        data, begin = self.data, self.at + 1
        close = begin
        while True:
            close = data.find(b'"', close)
            if close < 0:
                raise CellError(self.line, column, "BAD_QUOTING", "opens a quote that is never closed")
            if data[close + 1 : close + 2] != b'"':
                break
            close += 2
        line, behind = self.line + data.count(b"\n", begin, close), close + 1
        if data[behind : behind + 2] == b"\r\n":
            behind += 1
        if data[behind : behind + 1] != b"\n" and not data.startswith(self.delimiter, behind):
            raise CellError(line, column, "BAD_QUOTING", "has text behind the closing quote")
        self.at, self.line = behind, line
        return data[begin:close].replace(b'""', b'"')


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
