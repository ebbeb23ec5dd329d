"""One pass over one block: read it, apply what is known, emit what there is to learn or to write."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark import joins, operations, row_screen
from sda_spark.arrow_reader import read_arrow_block
from sda_spark.columns import Column
from sda_spark.errors import BadField, DataError, bad_cell, bad_file, input_changed
from sda_spark.learning import Learned, learn
from sda_spark.parquet_reader import read_parquet_block
from sda_spark.row_learning import learn_rows
from sda_spark.rows import Rows, applies_to, deal_by_request, deal_by_step, filter_rows, read_labels, sample_negatives
from sda_spark.shuffle import deal_by_key, pack
from sda_spark.text_reader import read_text_block


READERS = {"text": read_text_block, "parquet": read_parquet_block, "arrow": read_arrow_block}


def read_block(plan, block, wanted):
    """The rows of a block; where bad ones do not end the job, those that stay."""
    reader = READERS[plan["layout"]["kind"]]
    if plan["rules"] is None:
        return reader(plan, block, wanted)
    columns = row_screen.columns_for(plan, wanted)
    return row_screen.screen(plan, reader(plan, block, columns), columns, wanted)


class Batch:
    """The block at hand: its rows, and the columns that are filled. Raises DataError with the place."""

    def __init__(self, context, block, raw):
        plan = self.plan = context.plan
        self.block = block
        self.file = plan["files"][block["file"]]
        self.names = plan["layout"]["columns"]
        split = plan["split"]
        by_column = split is not None and split["kind"] != "fraction" and not any(f["test"] for f in plan["files"])
        raw = joins.needed(plan, raw)[1]
        of_log = sorted(slot for slot in raw if slot < len(self.names))
        wanted = sorted({plan["label"], *of_log, *([split["column"]] if by_column else [])})
        self.cells = read_block(plan, block, wanted)
        if self.cells.rows != block["rows"]:
            raise DataError(input_changed(self.file["path"]))
        fields = dict(zip(wanted, self.cells.columns))
        self.rows = Rows(plan["seed"], block["first_row"], self.cells.rows, self.file["test"])
        self.columns = {}
        try:
            self.rows.labels, problems = read_labels(fields[plan["label"]], plan["positive_values"], plan["null_values"])
            problems.raise_first()
        except BadField as bad:
            raise self.error_at(bad, self.names[plan["label"]]) from None
        if split is not None:
            try:
                deal_by_request(self.rows, split, fields.get(split["column"]) if by_column else None, context.time_bound,
                                any(f["test"] for f in plan["files"]))
            except BadField as bad:
                raise self.error_at(bad, self.names[split["column"]]) from None
        nulls = pa.array([b""] + [null.encode() for null in plan["null_values"]], pa.binary())
        for slot in of_log:
            try:
                self.columns[slot] = Column("text", texts=as_text(fields[slot], nulls))
            except BadField as bad:
                raise self.error_at(bad, self.names[slot]) from None
        joins.fill(plan, context.join_table, raw, self.columns)

    def error_at(self, bad, column):
        line = self.block["first_line"] + self.cells.line(self.rows.within[bad.row])
        return DataError(bad_cell(self.file["path"], line, column, bad.reason, bad.rule))

    def cell_error(self):
        """What ended the block, or None."""
        error = self.cells.error
        return None if error is None else cell_error(self.plan, self.block, error)

    def inputs(self, node):
        return [self.columns[slot] for slot in node["inputs"]]

    def apply(self, index, state):
        node = self.plan["program"]["nodes"][index]
        try:
            if node["is_row_operation"]:
                self._apply_to_rows(node, state)
            else:
                made = operations.run(node, self.inputs(node), state, self.rows)
                self.columns.update(zip(node["outputs"], made))
        except BadField as bad:
            bad.rule += f", as {node['describe']} of the pipeline wants it"
            raise self.error_at(bad, self.plan["program"]["slots"][node["inputs"][-1]]["name"]) from None

    def _apply_to_rows(self, node, state):
        operation, options, rows = node["operation"], node["options"], self.rows
        if operation == "split":
            deal_by_step(options, self.inputs(node), rows, state, any(f["test"] for f in self.plan["files"]))
        elif operation == "filter":
            self.keep(filter_rows(options, self.inputs(node)[0], rows))
        elif operation == "sample_negatives":
            self.keep(sample_negatives(options, rows))
        elif operation == "distinct":
            self.keep(~applies_to(options, rows.splits) | np.isin(rows.within, state.within, assume_unique=True))

    def keep(self, flags):
        if flags.all():
            return
        self.rows.keep(flags)
        self.columns = {slot: column.keep(flags) for slot, column in self.columns.items()}


def as_text(fields, nulls):
    """Raw fields as a text column's Arrow array: missing ones are null, the others UTF-8 without NUL bytes."""
    texts = pc.if_else(pc.is_in(fields, value_set=nulls), pa.scalar(None, pa.binary()), fields)
    try:
        made = texts.cast(pa.string())
        if not pc.any(pc.match_substring(texts, "\0")).as_py():
            return made
    except pa.ArrowInvalid:
        pass
    problems = row_screen.bad_texts(texts.fill_null(b""))
    problems.raise_first()
    raise AssertionError("a field is neither text nor wrong")


def cell_error(plan, block, error):
    names = plan["layout"]["columns"]
    column = names[error.column] if 0 <= error.column < len(names) else ""
    path = plan["files"][block["file"]]["path"]
    if error.line is None:
        return bad_file(path, error.reason, error.rule)
    return bad_cell(path, block["first_line"] + error.line, column, error.reason, error.rule)


def raw_slots(plan, step):
    """The columns of the log and of joins that a pass reads."""
    program = plan["program"]
    used = [n for i, n in enumerate(program["nodes"]) if step["apply"][i] or step["learn"][i]]
    return {slot for node in used for slot in node["inputs"] if slot < program["raw_slots"]}


def run_steps(batch, step, states, on_learn):
    """Applies the pass's nodes in order; `on_learn(index, node)` before those that learn in it."""
    for index, node in enumerate(batch.plan["program"]["nodes"]):
        if step["learn"][index]:
            on_learn(index, node)
        if step["apply"][index]:
            batch.apply(index, states.get(index))


def learning_pass(context, step, block):
    """Records (reducer, record) of a block; see `driver`."""
    plan = context.plan
    summary = {"block": block["index"]}
    records = []
    try:
        batch = Batch(context, block, raw_slots(plan, step))
        learned = Learned()

        def on_learn(index, node):
            if node["is_row_operation"]:
                records.extend(learn_rows(index, node, batch.inputs(node), batch.rows, context.reducers))
            else:
                learn(index, node, batch.inputs(node), batch.rows, learned)

        run_steps(batch, step, context.states_of(block), on_learn)
        error = batch.cell_error()
        if error:
            raise DataError(error)
    except DataError as error:
        return [(0, ("driver", {**summary, "error": error.error}))]
    summary.update(node_rows=learned.rows, folds=learned.folds)
    if step["count"]:
        splits, labels = batch.rows.splits, batch.rows.labels
        summary["rows"] = np.bincount(splits, minlength=3).tolist()
        summary["positives"] = np.bincount(splits[labels == 1], minlength=3).tolist()
    records.append((0, ("driver", summary)))
    for index, stats in learned.stats.items():
        records.append((index % context.reducers, ("stats", index, stats)))
    if learned.counts:
        # Without repetitions: nodes differ, and each has counted its keys.
        for reducer, part in deal_by_key(pa.concat_tables(learned.counts), context.reducers):
            records.append((reducer, ("counts", pack(part))))
    return records


def scan_pass(plan, block):
    """How many rows and lines a block has, whether it has anything at all, what is bad in it and what ends it early."""
    try:
        cells = read_block(plan, block, [plan["label"]])
    except DataError as error:
        return {"failed": error.error}
    return {"rows": cells.rows, "lines": cells.lines, "empty": cells.is_empty, "error": cells.error,
            "bad": row_screen.summary(plan, block, cells.bad)}
