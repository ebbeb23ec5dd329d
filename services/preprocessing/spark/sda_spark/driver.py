"""The driver's part: one Spark job a pass, and what is made of the records that come out of it."""

import atexit
import functools
import itertools
import pickle
import shutil
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa

from sda_spark import blocks as cutting
from sda_spark import joins, learning, passes, row_learning, shards
from sda_spark.context import Context, reduce_learned
from sda_spark.errors import BadField, DataError, bad_cell, bad_file
from sda_spark.row_learning import kind_of
from sda_spark.rows import request_times
from sda_spark.shuffle import pack, unpack
from sda_spark.state import NodeState, table_to_arrow
from sda_spark.vocabularies import learned_table, wanted_of

REDUCERS_BYTES = 128 << 20  # of input for each reducer of counts
LEAST_REDUCERS, MOST_REDUCERS = 2, 2000
MOST_WRITERS = 10_000


@functools.cache
def _scratch():
    """A folder that is there until the process ends."""
    folder = tempfile.mkdtemp(prefix="sda-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Driver:
    def __init__(self, spark, plan, progress):
        self.spark, self.plan, self.progress = spark, plan, progress
        self.context = Context(plan)
        self.nodes = plan["program"]["nodes"]
        self.tables = {}  # node → learned table in order
        self.seconds = {}
        self.blocks, self.total_rows = [], 0
        self.bad_rows = []  # by block, where they do not end the job
        self.pending = None  # an error that ends the input: behind the blocks, or in the last of them
        self.cached, self.broadcasts = [], []

    def run(self):
        try:
            return self._run()
        finally:
            for rdd in self.cached:
                rdd.unpersist()
            for broadcast in self.broadcasts:
                broadcast.destroy()

    def _run(self):
        self._send_joins()
        steps = self.plan["passes"]
        self.progress.steps = len(steps) + 1
        self._timed("scan", self._scan)
        for number, step in enumerate(steps[:-1], 1):
            self._timed(f"fit {number}", lambda step=step: self._learn(step))
        return self._timed("encode", lambda: self._write(steps[-1]))

    def _timed(self, stage, work):
        began = time.monotonic()
        with self.progress.stage(stage):
            made = work()
        self.seconds[stage] = time.monotonic() - began
        return made

    def _share(self):
        """The context as tasks see it now."""
        shared = self.spark.broadcast(self.context)
        self.broadcasts.append(shared)
        return shared

    def _over_blocks(self):
        return self.spark.parallelize(self.blocks, max(len(self.blocks), 1))

    # ---- scan ----

    def _scan(self):
        plan = self.spark.broadcast(self.plan)
        self.broadcasts.append(plan)
        pieces = cutting.pieces(self.plan)
        found = self.spark.parallelize(pieces, max(1, min(len(pieces), 10_000))).map(
            _caught(lambda piece: cutting.look_at(plan.value, piece))).collect()
        blocks = cutting.cut(self.plan, self._before_failure(pieces, found))
        scanned = self.spark.parallelize(blocks, max(len(blocks), 1)).map(
            lambda block: passes.scan_pass(plan.value, block)).collect()
        self._place(blocks, scanned)
        if not self.blocks and self.pending is not None:
            raise DataError(self.pending)
        self.context.first_rows = np.array([block["first_row"] for block in self.blocks], dtype=np.int64)
        total = sum(file["bytes"] for file in self.plan["files"])
        self.context.reducers = int(min(max(LEAST_REDUCERS, total // REDUCERS_BYTES), MOST_REDUCERS))
        if self.plan["split"] and self.plan["split"]["kind"] == "time" and not self._has_test_files():
            self.context.time_bound = self._request_time_bound()

    def _before_failure(self, pieces, found):
        """What the pieces of files said before the first one that cannot be read, which ends the input."""
        failed = [(f, said["failed"]) for (f, _), said in zip(pieces, found) if "failed" in said]
        changed = [error for _, error in failed if error["reason"] == "INPUT_CHANGED"]
        if changed:
            raise DataError(changed[0])
        if not failed:
            return found
        first, self.pending = failed[0]
        return [said for (f, _), said in zip(pieces, found) if f < first]

    def _place(self, blocks, scanned):
        """Numbers rows and lines. The input ends where text is no row and before a file that has none."""
        for file, found in itertools.groupby(zip(blocks, scanned), key=lambda pair: pair[0]["file"]):
            line, empty = 1, True
            for block, scan in found:
                if "failed" in scan:
                    self.pending = scan["failed"]
                    return
                line += block["header_lines"]
                block.update(first_row=self.total_rows, first_line=line, rows=scan["rows"])
                self.blocks.append(block)
                self.bad_rows.append((block, scan["bad"]))
                self.total_rows, line, empty = self.total_rows + scan["rows"], line + scan["lines"], empty and scan["empty"]
                if scan["error"] is not None:
                    self.pending = passes.cell_error(self.plan, block, scan["error"])
                    return
            if empty:
                self.blocks = [block for block in self.blocks if block["file"] != file]
                self.pending = bad_file(self.plan["files"][file]["path"], "INPUT_EMPTY", "has no rows")
                return

    def _has_test_files(self):
        return any(file["test"] for file in self.plan["files"])

    def _request_time_bound(self):
        shared, column = self._share(), self.plan["split"]["column"]

        def times_of(block):
            plan = shared.value.plan
            cells = passes.read_block(plan, block, [column])
            try:
                times, problems = request_times(cells.columns[0])
                problems.raise_first()
            except BadField as bad:
                path, line = plan["files"][block["file"]]["path"], block["first_line"] + cells.line(bad.row)
                raise DataError(bad_cell(path, line, plan["layout"]["columns"][column], bad.reason, bad.rule)) from None
            keys, counts = np.unique(row_learning.order_bits(times), return_counts=True)
            return keys, counts

        times = self._keep(self._over_blocks().map(_caught(times_of)))
        _raise_first(times.filter(lambda record: isinstance(record, dict)).collect())
        return row_learning.time_bound(times, self.plan["split"]["test_share"])

    def _keep(self, rdd):
        from pyspark import StorageLevel

        self.cached.append(rdd.persist(StorageLevel.DISK_ONLY))
        return rdd

    # ---- a pass that learns ----

    def _learn(self, step):
        shared, reducers = self._share(), self.context.reducers
        mapped = self._over_blocks().flatMap(lambda block: passes.learning_pass(shared.value, step, block))
        learning_nodes = [i for i, learns in enumerate(step["learn"]) if learns]
        kinds = {kind_of(self.nodes[i]) for i in learning_nodes if self.nodes[i]["is_row_operation"]}
        if kinds & {"times", "sort"}:
            mapped = self._keep(mapped)
        reduced = self._keep(
            mapped.filter(lambda record: record[0] >= 0).partitionBy(reducers, lambda key: key)
            .mapPartitions(lambda records: reduce_learned(shared.value, records)))
        small = reduced.filter(lambda record: record[0] in ("driver", "stats")).collect()
        summaries = [record[1] for record in small if record[0] == "driver"]
        self._check(summaries)
        for index in learning_nodes:
            self._learned_column(index, summaries, small)
        self._take_counts(step, learning_nodes, summaries, reduced)
        self._take_rows(step, learning_nodes, mapped, reduced)
        if step["count"]:
            self._take_split_counts(summaries)

    def _check(self, summaries):
        """Of several errors the first in the data is named; rows of a block stand before the text that ended it."""
        errors = sorted((s["block"], i) for i, s in enumerate(summaries) if "error" in s)
        if errors:
            raise DataError(summaries[errors[0][1]]["error"])
        if self.pending is not None:
            raise DataError(self.pending)

    def _learned_column(self, index, summaries, small):
        node, state = self.nodes[index], NodeState()
        if node["is_row_operation"]:
            return
        for stats in (record[2] for record in small if record[0] == "stats" and record[1] == index):
            if node["operation"] == "quantile_bucket":
                state.numbers = stats.quantiles(node["options"]["buckets"])
            elif node["operation"] == "fill_missing" and hasattr(stats, "quantiles"):
                state.numbers = stats.quantiles(2) or [0.0]
            else:
                state.numbers = stats.numbers()
        if node["operation"] in ("count_encode", "frequency_encode"):
            state.numbers = [float(sum(s["node_rows"].get(index, 0) for s in summaries))]
        if node["operation"] == "target_encode":
            folds = node["options"].get("folds", 5)
            rows, positives = np.zeros(folds, dtype=np.int64), np.zeros(folds, dtype=np.int64)
            for some_rows, some_positives in (s["folds"][index] for s in summaries if index in s["folds"]):
                rows, positives = rows + some_rows, positives + some_positives
            state.fold_rows, state.fold_positives = rows.tolist(), positives.tolist()
            state.numbers = [float(rows.sum()), float(positives.sum())]
        self.context.states[index] = state

    def _take_counts(self, step, learning_nodes, summaries, reduced):
        keyed = [i for i in learning_nodes if learning.learns_counts(self.nodes[i])]
        if not keyed:
            return
        rows = {i: sum(s["node_rows"].get(i, 0) for s in summaries) for i in keyed}
        wanted = {i: wanted_of(self.nodes[i], rows[i]) for i in keyed}

        def chosen(record):
            part = learning.select(record[1], wanted)
            return [] if part is None else [pack(part)]

        parts = [unpack(data) for data in reduced.filter(lambda record: record[0] == "counts").flatMap(chosen).collect()]
        table = pa.concat_tables(parts) if parts else learning.COUNTS.empty_table()
        for index in keyed:
            self._learned_table(index, table)

    def _learned_table(self, index, table):
        node, state = self.nodes[index], self.context.states[index]
        learned = learned_table(index, node, table)
        if learned.text is not None or learned.number is not None:
            state.text = learned.text
            state.numbers = [] if learned.number is None else [learned.number]
            return
        self.tables[index] = learned
        folds = node["options"].get("folds", 5) if node["operation"] == "target_encode" else 0
        state.table_file = self._send(table_to_arrow(learned.values, learned.counts, learned.positives, learned.fold_counts,
                                                     learned.fold_positives, folds))

    def _send(self, table):
        """Has executors fetch an Arrow table; the name it has there."""
        # They keep every file that was ever sent as long as the application runs.
        path = Path(_scratch()) / f"sda-{uuid.uuid4().hex}.arrow"
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table.combine_chunks())
        self.spark.addFile(str(path))
        return path.name

    def _send_joins(self):
        for join in self.plan["joins"]:
            data = self.context.store().read(f"{self.plan['staging']}/{join['file']}")
            self.context.join_files.append(self._send(joins.with_index(pa.ipc.open_file(data).read_all())))

    # ---- what row operations learn ----

    def _take_rows(self, step, learning_nodes, mapped, reduced):
        first_rows = self.context.first_rows
        for index in learning_nodes:
            kind = kind_of(self.nodes[index]) if self.nodes[index]["is_row_operation"] else ""
            if kind == "extent":
                self.context.states[index] = self._extent(self.nodes[index]["options"])
            elif kind == "times":
                times = mapped.map(lambda record: record[1]).filter(
                    lambda record, i=index: record[0] == "times" and record[1] == i).map(lambda r: (r[2], r[3]))
                state = self.context.states[index] = NodeState()
                state.numbers = [row_learning.time_bound(times, self.nodes[index]["options"].get("test_share", 0.2))]
            elif kind == "sort":
                keys = mapped.map(lambda record: record[1]).filter(
                    lambda record, i=index: record[0] == "sort" and record[1] == i).map(lambda r: (r[2], r[3]))
                placed, kept = row_learning.sorted_positions(keys, self.context.reducers, first_rows)
                self.cached.append(kept)
                self._publish_rows([index], placed.map(lambda r, i=index: (r[0], (i, r[1][1], r[1][2]))))
        keyed = [i for i in learning_nodes if kind_of(self.nodes[i]) in ("firsts", "users")]
        if keyed:
            self._publish_rows(keyed, reduced.filter(lambda record: record[0] == "rows").flatMap(
                lambda record: list(row_learning.by_block(record[1], record[2], record[3], first_rows))))

    def _publish_rows(self, indices, records):
        """Writes a file for each block and node: the executors that come to the block read it there."""
        shared = self._share()

        def write(block, parts):
            found = {index: [] for index in indices}
            for _, (index, within, values) in parts:
                found[index].append((within, values))
            for index, some in found.items():
                within = np.concatenate([w for w, _ in some]) if some else np.zeros(0, dtype=np.int64)
                values = np.concatenate([v for _, v in some]) if some and some[0][1] is not None else None
                order = np.argsort(within)
                if values is None:
                    values = np.zeros(len(within), dtype=np.int8)
                shared.value.store().write(shared.value.state_path(index, block),
                                           pickle.dumps((within[order], values[order])))
            return []

        records.partitionBy(len(self.blocks), lambda key: key).mapPartitionsWithIndex(write).count()
        self.context.by_block.update(indices)

    def _extent(self, options):
        test = [b["first_row"] for b in self.blocks if self.plan["files"][b["file"]]["test"]]
        begin = min(test) if test else self.total_rows - self.total_rows // options.get("parts", 7)
        state = NodeState()
        state.numbers = [begin, begin + (self.total_rows - begin + 1) // 2]
        return state

    # ---- counting and writing ----

    def _take_split_counts(self, summaries):
        counts = {s["block"]: (s["rows"], s["positives"]) for s in summaries}
        begins = np.zeros(3, dtype=np.int64)
        positives = np.zeros(3, dtype=np.int64)
        for block in self.blocks:
            rows, some = counts[block["index"]]
            self.context.block_rows[block["index"]] = rows
            self.context.block_begins[block["index"]] = begins.tolist()
            begins, positives = begins + rows, positives + some
        self.split_rows, self.split_positives = begins.tolist(), positives.tolist()
        train, clicks, everything = self.split_rows[0], self.split_positives[0], sum(self.split_rows)
        if train == 0:
            raise DataError(_invalid("pipeline.steps", f"leave none of {everything} remaining rows to train on"))
        if clicks in (0, train):
            raise DataError(_invalid("label", f"is {0 if clicks == 0 else 1} in all of {train} training rows; there is "
                                              "nothing to learn"))

    def _write(self, step):
        shared, plan, reducers = self._share(), self.plan, self.context.reducers
        layout = shards.ShardPlan(self.split_rows, plan["shard_rows"])
        writers = min(layout.total, MOST_WRITERS)
        dealt = self._over_blocks().flatMap(
            lambda block: shards.writing_pass(shared.value, step, block, layout, writers))

        def write(records):
            writer = shards.ShardWriter(plan, shared.value.store(), layout)
            profiles = {}
            for _, record in records:
                if record[0] == "slice":
                    writer.add(record[1], record[2])
                elif record[0] == "profile":
                    known = profiles.get(record[1])
                    profiles[record[1]] = record[2] if known is None else known.merge(record[2])
                else:
                    yield record
            try:
                yield from writer.write()
            except DataError as error:
                yield "driver", {"block": len(shared.value.block_rows), "error": error.error}
            for feature, stats in profiles.items():
                yield "profile", feature, stats

        made = dealt.partitionBy(writers + 1 + reducers, lambda key: key).mapPartitions(write).collect()
        self._check([record[1] for record in made if record[0] == "driver"])
        return made


def _invalid(field, rule):
    return {"reason": "INVALID_FIELD", "message": f"{field}: {rule}"}


def _caught(function):
    """`function`, with an error of the data as a result."""
    def call(argument):
        try:
            return function(argument)
        except DataError as error:
            return {"failed": error.error}

    return call


def _raise_first(found):
    for result in found:
        if isinstance(result, dict) and "failed" in result:
            raise DataError(result["failed"])
