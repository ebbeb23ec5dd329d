"""Where bad rows do not end the job: takes them out of a block, or empties bad fields, before rows are numbered; so every
pass sees the same rows. docs/preprocessing.md, "Bad rows"."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark.bad_values import BadValues
from sda_spark.cells import CellError, Cells
from sda_spark.columns import Distinct, to_numpy
from sda_spark.errors import quoted
from sda_spark.operations import problems_of
from sda_spark.rows import read_labels, request_times

MOST_EXAMPLES = 20


def columns_for(plan, wanted):
    """The columns that have to be read to know which rows are good."""
    rules = plan["rules"]
    time = [] if rules["time"] is None else [rules["time"]]
    return sorted({*wanted, plan["label"], *time, *rules["texts"]})


def screen(plan, cells, columns, wanted):
    """The rows of `cells`, whose columns are `columns`, that stay; of those columns the wanted ones."""
    screened = Screen(plan, dict(zip(columns, cells.columns)), cells.rows)
    screened.run()
    lines = np.asarray(cells.lines_of_rows(), dtype=np.int64)
    bad = cells.bad + [CellError(int(lines[row]), column, reason, rule) for row, column, reason, rule in screened.bad]
    keep = pa.array(screened.keep)
    kept = lines[screened.keep]
    left = [screened.fields[column].filter(keep) for column in wanted]
    return Cells(left, len(kept), cells.lines, lambda: kept, cells.error, bad)


class Screen:
    """`fields` are the raw ones by column, `keep` the rows that stay, `bad` what was found: (row, column, reason, rule)."""

    def __init__(self, plan, fields, rows):
        self.plan, self.rules, self.fields = plan, plan["rules"], fields
        self.mends = self.rules["policy"] == "null"
        self.nulls = pa.array([b""] + [null.encode() for null in plan["null_values"]], pa.binary())
        self.keep, self.bad = np.ones(rows, dtype=bool), []

    def run(self):
        """In the order of the service, in which a row's first error counts where it is left out."""
        label, time = self.plan["label"], self.rules["time"]
        self._take(label, read_labels(self.fields[label], self.plan["positive_values"], self.plan["null_values"])[1], False)
        if time is not None:
            self._take(time, request_times(self.fields[time])[1], False)
        for column in self.rules["texts"]:
            problems = bad_texts(self.fields[column])
            if problems is not None:
                self._take(column, problems, True)
        for check in self.rules["checks"]:
            self._check(check)

    def _take(self, column, problems, can_be_missing, step=None):
        flags = problems.rows() & self.keep
        if not flags.any():
            return
        for row in np.flatnonzero(flags).tolist():
            bad = problems.at(row)
            as_wanted = "" if step is None else f", as {step} of the pipeline wants it"
            self.bad.append((row, column, bad.reason, bad.rule + as_wanted))
        self._remove(column, flags, can_be_missing)

    def _remove(self, column, flags, can_be_missing):
        if self.mends and can_be_missing:
            self.fields[column] = pc.if_else(pa.array(flags), pa.scalar(b""), self.fields[column])
        else:
            self.keep &= ~flags

    def _check(self, check):
        column, node = check["column"], self.plan["program"]["nodes"][check["node"]]
        missing = to_numpy(pc.is_in(self.fields[column], value_set=self.nulls))
        if check["required"]:
            flags = missing & self.keep
            rule = f"is missing; {node['describe']} needs it in every row"
            self.bad += [(row, column, "BAD_TIME", rule) for row in np.flatnonzero(flags).tolist()]
            self._remove(column, flags, False)
        texts = _texts(pc.if_else(pa.array(self.keep & ~missing), self.fields[column], pa.scalar(None, pa.binary())))
        self._take(column, problems_of(node, texts), not check["required"], node["describe"])


def _texts(fields):
    try:
        return fields.cast(pa.string())
    except pa.ArrowInvalid:  # a label, whose text nobody has looked at
        return pa.array([None if field is None else field.decode("utf-8", "replace") for field in fields.to_pylist()], pa.string())


def bad_texts(fields):
    """The values that are no UTF-8 or hold a NUL byte; None where there are none."""
    try:
        if not pc.any(pc.match_substring(fields.cast(pa.string()), "\0")).as_py():
            return None
    except pa.ArrowInvalid:
        pass
    distinct = Distinct(fields)
    flags = np.array([text_rule(value) is not None for value in distinct.values.to_pylist()], dtype=bool)
    return BadValues(distinct, flags, "BAD_TEXT", text_rule)


def text_rule(field):
    """What is wrong with a text, or None."""
    if b"\0" in field:
        return f"{quoted(field)} holds a NUL byte; repair the file"
    try:
        field.decode()
    except UnicodeDecodeError:
        return f"{quoted(field)} is not valid UTF-8; convert the file"
    return None


def summary(plan, block, bad):
    """What the result says of a block's bad rows: counts by reason, the first ones by their place in the block."""
    counts = {}
    for error in bad:
        counts[error.reason] = counts.get(error.reason, 0) + 1
    names = plan["layout"]["columns"]
    file = plan["files"][block["file"]]["path"]
    first = sorted(bad, key=lambda error: error.line)[:MOST_EXAMPLES]
    examples = [{"file": file, "line": error.line, "column": names[error.column] if 0 <= error.column < len(names) else "",
                 "reason": error.reason, "rule": error.rule} for error in first]
    return {"counts": counts, "examples": examples}


def add_up(blocks):
    """What the result says of all bad rows, from the blocks that have been given their place."""
    counts, examples = {}, []
    for block, found in blocks:
        for reason, count in found["counts"].items():
            counts[reason] = counts.get(reason, 0) + count
        for example in found["examples"][: MOST_EXAMPLES - len(examples)]:
            examples.append({**example, "line": block["first_line"] + example["line"]})
    return {"counts": counts, "examples": examples}
