"""What row operations learn: which rows are the first of their kind, which are a user's last, what the bound of a
split by time is, where rows stand in a sorted split."""

import numpy as np
import pyarrow as pa


from sda_spark.columns import big_endian, key_of
from sda_spark.learning import number_of_key, partitions_of
from sda_spark.operations import enum
from sda_spark.rows import TEST, VALIDATION, applies_to, sort_keys
from sda_spark.shuffle import deal, pack

FIRSTS = pa.schema([("node", pa.int32()), ("key", pa.binary()), ("row", pa.int64())])
USERS = pa.schema([("node", pa.int32()), ("key", pa.binary()), ("time", pa.float64()), ("row", pa.int64())])
RADIX_BITS = 16
SAMPLES = 64  # of a block's sort keys


def kind_of(node):
    """How the state of a row operation is made: "firsts", "users", "times", "sort", "extent"; "" for none."""
    operation = node["operation"]
    if operation == "split":
        by = enum(node["options"], "by", "fraction")
        return {"time": "times", "leave_last_out": "users", "last_part": "extent"}.get(by, "")
    return {"distinct": "firsts", "sort": "sort"}.get(operation, "")


def learn_rows(index, node, columns, rows, reducers):
    """Records (reducer, (kind, …)) of what the batch teaches row operation `index`; reducer −1: they stay where they
    are until the driver has looked at all of them."""
    kind = kind_of(node)
    if kind == "times":
        present = ~columns[0].missing_flags()
        keys, counts = np.unique(order_bits(columns[0].values[present]), return_counts=True)
        yield -1, ("times", index, keys, counts)
    elif kind == "firsts":
        applies = applies_to(node["options"], rows.splits)
        keys = key_of(columns).filter(pa.array(applies))
        yield from _by_key("firsts", pa.table([_nodes(index, len(keys)), keys, pa.array(rows.numbers[applies])],
                                              schema=FIRSTS), reducers)
    elif kind == "users":
        use = np.zeros(len(rows), dtype=bool) if rows.in_test_file else ~columns[1].missing_flags()
        users = key_of(columns[:1]).filter(pa.array(use))
        yield from _by_key("users", pa.table([_nodes(index, len(users)), users, pa.array(columns[1].values[use]),
                                              pa.array(rows.numbers[use])], schema=USERS), reducers)
    elif kind == "sort":
        keys = sort_keys(node["options"], columns).to_pylist()
        ends = big_endian(rows.numbers)
        for split in range(3):
            chosen = np.flatnonzero(rows.splits == split)
            # The row number makes every key another one, so that ties are no matter and ranges are even.
            whole = sorted(keys[i] + ends[i] for i in chosen)
            if whole:
                yield -1, ("sort", index, split, whole)


def _nodes(index, count):
    return pa.array(np.full(count, index, dtype=np.int32))


def _by_key(kind, table, reducers):
    if table.num_rows == 0:
        return
    keys = table.column("key").combine_chunks()
    keys = pa.concat_arrays(keys.chunks) if isinstance(keys, pa.ChunkedArray) else keys
    for reducer, part in deal(table, partitions_of(keys, table.column("node").to_numpy(), reducers), reducers):
        yield reducer, (kind, pack(part))


# ---- in the reducer ----


def firsts_of(tables):
    """(node, rows) of the rows that are the first with their key."""
    table = pa.concat_tables(tables).group_by(["node", "key"], use_threads=False).aggregate([("row", "min")])
    nodes, rows = table.column("node").to_numpy(), table.column("row_min").to_numpy()
    for node in np.unique(nodes).tolist():
        yield node, np.sort(rows[nodes == node]), None


def last_of_users(tables, plan):
    """(node, rows, splits) of the rows that leave_last_out takes from training."""
    table = pa.concat_tables(tables)
    encoded = table.column("key").combine_chunks()
    encoded = pa.concat_arrays(encoded.chunks) if isinstance(encoded, pa.ChunkedArray) else encoded
    users = encoded.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    nodes, times, rows = (table.column(name).to_numpy() for name in ("node", "time", "row"))
    test_files = any(file["test"] for file in plan["files"])
    for node in np.unique(nodes).tolist():
        options = plan["program"]["nodes"][node]["options"]
        mine = np.flatnonzero(nodes == node)
        order = mine[np.lexsort((-rows[mine], -times[mine], users[mine]))]  # by user, the latest first
        who = users[order]
        begins = np.flatnonzero(np.concatenate(([True], who[1:] != who[:-1])))
        counts = np.diff(np.concatenate((begins, [len(who)])))
        place = np.arange(len(who)) - np.repeat(begins, counts)
        test = np.minimum(0 if test_files else options.get("test_rows", 1), counts - 1)
        validation = np.minimum(options.get("validation_rows", 1), counts - 1 - test)
        test, validation = np.repeat(test, counts), np.repeat(validation, counts)
        taken = place < test + validation
        splits = np.where(place < test, TEST, VALIDATION)[taken].astype(np.int8)
        taken_rows = rows[order][taken]
        by_row = np.argsort(taken_rows)
        yield node, taken_rows[by_row], splits[by_row]


def by_block(node, rows, values, first_rows):
    """Records (block, (node, rows within it, values)) of rows in ascending order."""
    blocks = np.searchsorted(first_rows, rows, side="right") - 1
    for block in np.unique(blocks).tolist():
        mine = blocks == block
        yield block, (node, rows[mine] - first_rows[block], None if values is None else values[mine])


# ---- by the driver, over records that stayed where they were ----


def order_bits(values):
    """Bits of numbers, in the order of the numbers."""
    bits = (values + 0.0).view(np.uint64)
    return np.where((bits >> np.uint64(63)).astype(bool), ~bits, bits | np.uint64(1 << 63))


def time_bound(times, share):
    """Of n times the one at index n − ⌊share · n⌋ − 1, sorted; `times` is an RDD of (ordered bits, counts). Found digit
    by digit, so that nothing grows with the rows."""
    prefix, left = 0, None
    for shift in range(64 - RADIX_BITS, -1, -RADIX_BITS):
        histogram = times.map(_digit_counter(prefix, shift)).treeReduce(np.add)
        if left is None:
            total = int(histogram.sum())
            if total == 0:
                return float("inf")
            left = total - int(np.floor(share * float(total))) - 1
        digit = int(np.searchsorted(np.cumsum(histogram), left, side="right"))
        left -= int(histogram[:digit].sum())
        prefix = (prefix << RADIX_BITS) | digit
    return number_of_key(prefix.to_bytes(8, "big"))


def _digit_counter(prefix, shift):
    def count(record):
        keys, counts = record
        if shift + RADIX_BITS < 64:
            mine = (keys >> np.uint64(shift + RADIX_BITS)) == np.uint64(prefix)
            keys, counts = keys[mine], counts[mine]
        digits = ((keys >> np.uint64(shift)) & np.uint64((1 << RADIX_BITS) - 1)).astype(np.int64)
        return np.bincount(digits, weights=counts, minlength=1 << RADIX_BITS).astype(np.int64)

    return count


def sorted_positions(records, partitions, first_rows):
    """From an RDD of (split, ascending keys) to one of (block, (rows within it, positions in the split)): sorted by
    ranges whose bounds come from samples."""
    samples = records.map(lambda record: (record[0], record[1][:: max(1, len(record[1]) // SAMPLES)], len(record[1]))).collect()
    bounds = []
    for split in range(3):
        weighted = sorted((key, count / len(keys)) for s, keys, count in samples if s == split for key in keys)
        total = sum(weight for _, weight in weighted)
        seen, wanted = 0.0, 1
        for key, weight in weighted:
            if seen >= wanted * total / partitions and wanted < partitions:
                bounds.append((split, key))
                wanted += 1
            seen += weight
        bounds.append((split + 1, b""))  # the next split's keys begin here
    bounds.pop()

    def spread(record):
        import bisect

        split, keys = record
        low = bisect.bisect_right(bounds, (split, b""))
        begin = 0
        while begin < len(keys):
            end = len(keys)
            if low < len(bounds) and bounds[low][0] == split:
                end = bisect.bisect_left(keys, bounds[low][1])
            if end > begin:
                yield low, (split, keys[begin:end])
            begin, low = end, low + 1

    def in_order(parts):
        split, keys = None, []
        for _, (split, more) in parts:
            keys += more
        if split is not None:
            yield split, np.frombuffer(b"".join(key[-8:] for key in sorted(keys)), dtype=">u8").astype(np.int64)

    ranges = records.flatMap(spread).partitionBy(len(bounds) + 1, lambda key: key).mapPartitions(in_order).persist(_disk())
    sizes = ranges.mapPartitionsWithIndex(lambda i, it: [(i, split, len(rows)) for split, rows in it]).collect()
    begins, at = {}, {}
    for i, split, count in sorted(sizes):
        begins[i] = at.get(split, 0)
        at[split] = begins[i] + count

    def place(i, parts):
        for _, rows in parts:
            order = np.argsort(rows)
            yield from by_block(None, rows[order], begins[i] + order, first_rows)

    return ranges.mapPartitionsWithIndex(place), ranges


def _disk():
    from pyspark import StorageLevel

    return StorageLevel.DISK_ONLY
