"""What spark-submit runs: reads the plan, makes the shards, leaves the result. docs/spark.md."""

import json
import re
import sys
import threading
import time
import traceback
from contextlib import contextmanager

import pyarrow as pa

from sda_spark.driver import Driver
from sda_spark.errors import DataError
from sda_spark.files import Store
from sda_spark.operations import quantile_bounds, reserved_ids
from sda_spark.row_screen import add_up
from sda_spark.rows import SPLITS

PLAN, RESULT, TABLES = "plan.json", "result.json", "tables.arrow"
FORMAT_VERSION = 1
TABLE_SCHEMA = pa.schema([pa.field("table", pa.int32(), False), pa.field("value", pa.binary(), False),
                          pa.field("count", pa.int64(), False), pa.field("positives", pa.int64(), False)])


class Progress:
    """Prints how far the job is, "@sda {…}" on standard output, for who has started it."""

    def __init__(self, spark, seconds=2.0):
        self.spark, self.seconds = spark, seconds
        self.step, self.steps = 0, 0

    def say(self, stage, done=0, total=0):
        line = {"step": self.step, "steps": self.steps, "stage": stage, "done": done, "total": total}
        print("@sda " + json.dumps(line), flush=True)

    @contextmanager
    def stage(self, name):
        self.step += 1
        self.say(name)
        ended = threading.Event()

        def watch():
            tracker = self.spark.statusTracker()
            while not ended.wait(self.seconds):
                for stage in tracker.getActiveStageIds()[-1:]:
                    info = tracker.getStageInfo(stage)
                    if info is not None:
                        self.say(name, info.numCompletedTasks, info.numTasks)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def run(spark, root, staging, progress=None):
    """The job on a SparkContext. Returns the exit code; everything else is in the result file."""
    store = Store(root)
    try:
        plan = json.loads(store.read(f"{staging}/{PLAN}"))
        if plan.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"the plan is of version {plan.get('format_version')}, these files of {FORMAT_VERSION}")
        slots = plan["program"]["slots"]
        for node in plan["program"]["nodes"]:
            node["output_type"] = slots[node["outputs"][0]]["type"] if node["outputs"] else ""
        driver = Driver(spark, plan, progress or Progress(spark))
        began = time.monotonic()
        made = driver.run()
        store.write(f"{staging}/{TABLES}", tables_of(driver))
        result = result_of(driver, made)
        result["stage_seconds"] = {**driver.seconds, "total": time.monotonic() - began}
        result["spark"] = {"version": spark.version, "master": spark.master, "application": spark.applicationId,
                           "blocks": len(driver.blocks), "reducers": driver.context.reducers}
        code = 0
    except DataError as error:
        result, code = {"error": error.error}, 2
    except Exception as error:  # noqa: BLE001: whatever ends the job has to reach who waits for it
        traceback.print_exc()
        result = {"error": {"reason": "JOB_FAILED", "message": f"the Spark job failed: {why(error)}; its log says more "
                            "(--spark-log FILE, or the cluster's own)"}}
        code = 1
    store.write(f"{staging}/{RESULT}", json.dumps(result).encode())
    return code


def why(error):
    """The innermost error of those that Java's and Python's traces hold."""
    lines = re.findall(r"^(?:Caused by: )?([\w.]*(?:Error|Exception): .*)$", f"{type(error).__name__}: {error}", re.MULTILINE)
    return (lines[-1] if lines else str(error))[:1000]


def tables_of(driver):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, TABLE_SCHEMA) as writer:
        for index in sorted(driver.tables):
            learned = driver.tables[index]
            at = 0
            for chunk in learned.values.chunks:
                counts = learned.counts[at : at + len(chunk)]
                positives = None if learned.positives is None else learned.positives[at : at + len(chunk)]
                at += len(chunk)
                writer.write_batch(pa.record_batch([
                    pa.array([index] * len(chunk), pa.int32()), chunk, pa.array(counts, pa.int64()),
                    pa.array(positives if positives is not None else [0] * len(chunk), pa.int64())],
                    schema=TABLE_SCHEMA))
    return sink.getvalue().to_pybytes()


def result_of(driver, made):
    files = {kind: sorted((r for r in made if r[0] == kind), key=lambda r: r[1:3]) for kind in ("shard", "parquet", "mlperf")}
    splits = {}
    for split, name in enumerate(SPLITS):
        splits[name] = {"rows": driver.split_rows[split], "positive_rows": driver.split_positives[split],
                        "shards": [record[3] for record in files["shard"] if record[1] == split]}
    # By kind, then split and position.
    exports = [{"kind": kind, "split": SPLITS[record[1]], **record[3]} for kind in ("mlperf", "parquet") for record in files[kind]]
    states = []
    for index, state in sorted(driver.context.states.items()):
        if driver.nodes[index]["is_row_operation"]:
            continue
        entry = {"node": index, "table": index in driver.tables}
        if state.numbers:
            entry["numbers"] = [float(number) for number in state.numbers]
        if state.text is not None:
            entry["text"] = state.text
        states.append(entry)
    result = {"splits": splits, "exports": exports, "states": states, "columns": columns_of(driver, made)}
    if driver.plan["rules"] is not None:
        result["bad_rows"] = add_up(driver.bad_rows)
    return result


def columns_of(driver, made):
    program = driver.plan["program"]
    profiles = {record[1]: record[2] for record in made if record[0] == "profile"}
    zeros = [record[1]["zeros"] for record in made if record[0] == "driver"]
    columns = []
    for f, slot in enumerate(program["features"]):
        if f >= program["dense_features"]:
            rows = table_rows(driver, slot)
            missing = sum(counts[f - program["dense_features"]] for counts in zeros)
            columns.append({"missing_rows": missing, "distinct_count": rows})
            continue
        stats = profiles[f]
        column = {"missing_rows": stats.missing, "distinct_count": stats.distinct()}
        if stats.values:
            column["raw_min"], column["raw_max"] = stats.extremes()
            column["raw_mean"], column["raw_stddev"] = stats.raw_moments()
        columns.append(column)
    return columns


def table_rows(driver, slot):
    """Ids of the slot lie below this."""
    index = next(i for i, node in enumerate(driver.nodes) if slot in node["outputs"][:1])
    node, options = driver.nodes[index], driver.nodes[index]["options"]
    if node["operation"] == "truncate_list":
        return table_rows(driver, node["inputs"][0])
    if node["operation"] in ("hash", "hash_list"):
        return options["buckets"] + 1
    if node["operation"] == "quantile_bucket":
        return len(quantile_bounds(node, driver.context.states.get(index))) + 2
    return max(reserved_ids(options)[0] + len(driver.tables[index].counts), 1)


def main(argv):
    if len(argv) != 2:
        print("usage: sda_spark_job.py ROOT STAGING", file=sys.stderr)
        return 1
    from pyspark import SparkContext

    spark = SparkContext.getOrCreate()
    try:
        return run(spark, *argv)
    finally:
        spark.stop()
