"""The output: rows of blocks to slices of shards, slices to files in the forms that docs/pipelines.md names."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sda_spark.errors import DataError, input_changed
from sda_spark.passes import Batch, raw_slots, run_steps
from sda_spark.rows import SPLITS
from sda_spark.shuffle import pack, unpack
from sda_spark.stats import DenseStats

LARGEST_FLOAT = float(np.finfo(np.float32).max)
ITEM = pa.field("item", pa.int32(), nullable=False)


def dense_values(column):
    """A dense feature's values: float32, 0 where missing, within the range of float; −0 is 0."""
    values = np.clip(column.values.astype(np.float64), -LARGEST_FLOAT, LARGEST_FLOAT).astype(np.float32)
    return np.where(column.missing_flags(), np.float32(0), values) + np.float32(0)


def list_array(column):
    """Ids of lists; the empty list is [0]."""
    sizes = np.diff(column.offsets)
    filled = np.maximum(sizes, 1)
    offsets = np.concatenate(([0], np.cumsum(filled))).astype(np.int32)
    values = np.zeros(offsets[-1], dtype=np.int32)
    places = np.arange(len(column.values)) - np.repeat(column.offsets[:-1], sizes) + np.repeat(offsets[:-1], sizes)
    values[places] = column.values
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=pa.list_(ITEM))


class ShardPlan:
    """Which shards there are: `rows` by split."""

    def __init__(self, rows, shard_rows):
        self.rows, self.shard_rows = rows, shard_rows
        self.counts = [-(-count // shard_rows) for count in rows]
        self.begins = [sum(self.counts[:split]) for split in range(3)]

    @property
    def total(self):
        return sum(self.counts)

    def place(self, shard):
        """Split, number in it, and rows of a shard numbered over all splits."""
        split = max(s for s in range(3) if self.counts[s] and self.begins[s] <= shard)
        number = shard - self.begins[split]
        return split, number, min(self.shard_rows, self.rows[split] - number * self.shard_rows)


def writing_pass(context, step, block, shards, partitions):
    """Records (partition, record) of a block: slices of shards, then statistics of the features."""
    plan = context.plan
    try:
        batch = Batch(context, block, raw_slots(plan, step))
        states = context.states_of(block)
        run_steps(batch, step, states, lambda index, node: None)
        counted = np.bincount(batch.rows.splits, minlength=3).tolist()
        # The counting pass saw the same rows, or the file is another.
        if counted != context.block_rows[block["index"]]:
            raise DataError(input_changed(batch.file["path"]))
        table = _table(batch)
    except DataError as error:
        yield partitions, ("driver", {"block": block["index"], "error": error.error})
        return
    sort = next((i for i, n in enumerate(plan["program"]["nodes"]) if n["operation"] == "sort"), None)
    for split in range(3):
        rows = np.flatnonzero(batch.rows.splits == split)
        if len(rows) == 0:
            continue
        if sort is None:
            positions = context.block_begins[block["index"]][split] + np.arange(len(rows))
        else:
            state = states[sort]
            positions = state.values[np.searchsorted(state.within, batch.rows.within[rows])]
            order = np.argsort(positions)
            rows, positions = rows[order], positions[order]
        part = table.take(pa.array(rows)).add_column(0, "position", pa.array(positions))
        numbers = positions // shards.shard_rows
        bounds = np.flatnonzero(np.diff(numbers)) + 1
        for begin, end in zip(np.concatenate(([0], bounds)), np.concatenate((bounds, [len(rows)]))):
            shard = shards.begins[split] + int(numbers[begin])
            # One after the other, so that a partition's shards lie together.
            yield shard * partitions // shards.total, ("slice", shard, pack(part.slice(begin, end - begin)))
    yield from _profile(batch, block, partitions, context.reducers)


def _table(batch):
    program = batch.plan["program"]
    arrays, names = [pa.array(batch.rows.labels.astype(np.float32))], ["label"]
    for f, slot in enumerate(program["features"]):
        column = batch.columns[slot]
        if f < program["dense_features"]:
            arrays.append(pa.array(dense_values(column)))
        elif column.is_list:
            arrays.append(list_array(column))
        else:
            arrays.append(pa.array(column.values.astype(np.int32)))
        names.append(f"feature {f}")
    for slot in program["mlperf_integers"] + program["mlperf_categories"]:
        column = batch.columns[slot]
        values = np.where(column.missing_flags(), 0, column.values)
        far = (values < -(2**31)) | (values >= 2**31)
        if far.any():
            row = int(np.argmax(far))
            name = program["slots"][slot]["name"]
            raise DataError({"reason": "BAD_NUMBER", "message": f"output.mlperf_binary: column {name} holds {values[row]} "
                             f"in row {batch.rows.numbers[row]}, which does not fit 32 bits"})
        arrays.append(pa.array(values.astype(np.int32)))
        names.append(f"mlperf {len(names)}")
    return pa.Table.from_arrays(arrays, names=names)


def _profile(batch, block, partitions, reducers):
    """What the manifest says about the features, over the training rows."""
    program = batch.plan["program"]
    train = batch.rows.splits == 0
    zeros = []
    for f, slot in enumerate(program["features"]):
        column = batch.columns[slot]
        if f >= program["dense_features"]:
            empty = np.diff(column.offsets) == 0 if column.is_list else column.values == 0
            zeros.append(int((empty & train).sum()))
            continue
        missing = column.missing_flags()
        stats = DenseStats(dense_values(column)[train & ~missing], (train & missing).sum())
        yield partitions + 1 + f % reducers, ("profile", f, stats)
    yield partitions, ("driver", {"block": block["index"], "zeros": zeros})


# ---- in the reducer ----


class ShardWriter:
    """Collects the slices of a partition's shards and writes each as files; yields what the manifest says of them."""

    def __init__(self, plan, store, shards):
        self.plan, self.store, self.shards = plan, store, shards
        self.slices = {}

    def add(self, shard, data):
        self.slices.setdefault(shard, []).append(data)

    def write(self):
        for shard in sorted(self.slices):
            table = pa.concat_tables([unpack(data) for data in self.slices.pop(shard)])
            yield from self._write(shard, table)

    def _write(self, shard, table):
        split, number, rows = self.shards.place(shard)
        table = table.sort_by("position") if table.num_rows else table
        first = number * self.shards.shard_rows
        positions = table.column("position").to_numpy()
        if len(positions) != rows or positions[0] != first or positions[-1] != first + rows - 1:
            raise DataError(input_changed(self.plan["files"][-1]["path"]))
        batch = self._batch(table)
        name = SPLITS[split]
        yield "shard", split, number, self._publish(f"{name}/shard-{number:05d}.arrow", to_ipc(batch), rows)
        if self.plan["parquet"]:
            data = to_parquet(batch)
            yield "parquet", split, number, self._publish(f"parquet/{name}-{number:05d}.parquet", data, rows)
        values = [table.column(c).to_numpy() for c in table.column_names if c.startswith("mlperf ")]
        if values:
            labels = table.column("label").to_numpy().astype("<i4")
            data = np.column_stack([labels, *values]).astype("<i4").tobytes()
            yield "mlperf", split, number, self._publish(f"mlperf/{name}-{number:05d}.bin", data, rows)

    def _batch(self, table):
        program = self.plan["program"]
        names = ["label"] + [program["slots"][slot]["name"] for slot in program["features"]]
        arrays = []
        for i in range(len(names)):
            chunked = table.column(1 + i)
            if pa.types.is_list(chunked.type):
                arrays.append(_joined_lists(chunked))
            else:
                arrays.append(pa.array(chunked.to_numpy()))
        fields = [pa.field(name, array.type, nullable=False) for name, array in zip(names, arrays)]
        return pa.record_batch(arrays, schema=pa.schema(fields))

    def _publish(self, path, data, rows):
        self.store.write(f"{self.plan['dataset']}/{path}", data)
        return {"path": path, "rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _joined_lists(chunked):
    """One array with offsets from 0, as the other engine writes it."""
    sizes = np.concatenate([np.diff(chunk.offsets.to_numpy()) for chunk in chunked.chunks])
    values = np.concatenate([chunk.flatten().to_numpy() for chunk in chunked.chunks])
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=pa.list_(ITEM))


def to_ipc(batch):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def to_parquet(batch):
    """With the settings that Arrow's C++ writer has by itself."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([batch]), sink, row_group_size=max(batch.num_rows, 1), compression="NONE",
                   store_schema=False, write_page_index=True)
    return sink.getvalue().to_pybytes()
