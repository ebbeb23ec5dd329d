"""The fields of a block, and what is wrong with some of them."""

import pyarrow as pa


class CellError(Exception):
    """Something that cannot be read: line in the block, position of the column or -1, reason, rule. Line None: the file as a
    whole."""

    def __init__(self, line, column, reason, rule):
        super().__init__(line, column, reason, rule)
        self.line, self.column, self.reason, self.rule = line, column, reason, rule


class Cells:
    """Arrow binary arrays for the columns wanted. `lines_of_rows()` and `lines` count lines from 0 in the block. `error` is
    what ended the block early; its rows stand before it. `bad` are the errors that do not end the job, in the order in
    which they were found."""

    def __init__(self, columns, rows, lines, lines_of_rows, error=None, bad=()):
        self.columns, self.rows, self.lines, self.error, self.bad = columns, rows, lines, error, list(bad)
        self.lines_of_rows = lines_of_rows

    def line(self, row):
        return int(self.lines_of_rows()[row])

    @property
    def is_empty(self):
        return self.lines == 0 and self.error is None and not self.bad


def joined(arrays):
    """One array of binary."""
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays) if arrays else pa.array([], pa.binary())
