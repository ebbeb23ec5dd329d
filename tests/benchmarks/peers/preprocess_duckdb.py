"""The work of `sda-bench preprocess` done by DuckDB: the log is loaded into a table of a database file once, as its
documentation advises for data that several queries read, then fitted and encoded from there.

    python3 -m venv /somewhere && /somewhere/bin/pip install -r tests/benchmarks/peers/preprocess_requirements.txt
    build/release/bin/sda datagen criteo --rows 1000000 --output log.tsv
    /somewhere/bin/python tests/benchmarks/peers/preprocess_duckdb.py log.tsv out --threads 2

All queries run in its multi-threaded, streaming execution. Output: one Parquet file (not compressed) a split. Prints
one line of JSON; preprocess_verify.py compares the output with that of sda-bench.
"""

import argparse
import os
import shutil

import duckdb
from preprocess_common import (CATEGORICAL, COLUMNS, DENSE, FIRST, GOLDEN, SECOND, SPLITS, TEST_SHARE, TEST_STREAM,
                               VALIDATION_SHARE, VALIDATION_STREAM, Measurement, stream_key, sync, threshold)

# Arithmetic modulo 2^64 from halves of 32 bits: DuckDB's own sums and products fail where they overflow.
LOW = 0xFFFFFFFF
MACROS = f"""
CREATE MACRO halves(high, low) AS ((high) & {LOW}) * {LOW + 1}::UBIGINT + (low);
CREATE MACRO plus(x, high, low) AS halves((x >> 32) + high + (((x & {LOW}) + low) >> 32), ((x & {LOW}) + low) & {LOW});
CREATE MACRO times(x, high, low) AS halves((((x & {LOW}) * low) >> 32) + (((x >> 32) * low) & {LOW})
                                           + (((x & {LOW}) * high) & {LOW}), ((x & {LOW}) * low) & {LOW});
CREATE MACRO mixed(x, bits) AS xor(x, x >> bits);
"""


def constant(value):
    return f"{value >> 32}::UBIGINT, {value & LOW}::UBIGINT"


def split_query():
    """The rows of `log` with their split. Macros repeat their arguments, so each step of the hash is a subquery."""
    steps = [f"plus({{x}}, {constant(GOLDEN)})", "mixed({x}, 30)", f"times({{x}}, {constant(FIRST)})",
             "mixed({x}, 27)", f"times({{x}}, {constant(SECOND)})", "mixed({x}, 31)"]
    query = ", ".join(f"xor(rowid::UBIGINT, {stream_key(stream)}::UBIGINT) AS {name}"
                      for name, stream in [("t", TEST_STREAM), ("v", VALIDATION_STREAM)])
    query = f"SELECT *, rowid AS row, {query} FROM log"
    for step in steps:
        columns = ", ".join(f"{step.format(x=name)} AS {name}" for name in "tv")
        query = f"SELECT * REPLACE ({columns}) FROM ({query})"
    unit = f"::DOUBLE * {2.0**-53!r}"
    return (f"SELECT * EXCLUDE (t, v), CASE WHEN (t >> 11){unit} < {TEST_SHARE} THEN 2 "
            f"WHEN (v >> 11){unit} < {VALIDATION_SHARE} THEN 1 ELSE 0 END AS split FROM ({query})")


def signed_log(column):
    return f"sign(coalesce({column}, 0)) * ln(1 + abs(coalesce({column}, 0)))"


def load(database, log):
    types = ", ".join(f"'{c}': '{'VARCHAR' if c in CATEGORICAL else 'BIGINT'}'" for c in COLUMNS)
    database.execute(f"CREATE TABLE log AS FROM read_csv('{log}', delim = '\t', header = false, quote = '', "
                     f"escape = '', auto_detect = false, columns = {{{types}}})")
    database.execute(f"CREATE VIEW dealt AS {split_query()}")


def fit(database):
    measures = ", ".join(f"avg({signed_log(c)}), stddev_pop({signed_log(c)})" for c in DENSE)
    rows, *moments = database.execute(f"SELECT count(*), {measures} FROM dealt WHERE split = 0").fetchone()
    rare = threshold(rows)
    # One query for all columns would hold all counts at once; one each streams through two columns of the table.
    for c in CATEGORICAL:
        database.execute(
            f"CREATE TABLE vocabulary_{c} AS SELECT value, (row_number() OVER (ORDER BY n DESC, value) + 1)::INTEGER "
            f"AS id FROM (SELECT {c} AS value, count(*) AS n FROM dealt WHERE split = 0 AND {c} IS NOT NULL "
            f"GROUP BY {c}) WHERE n >= {rare}")
    return {c: (moments[2 * i], moments[2 * i + 1] or 1.0) for i, c in enumerate(DENSE)}


def encode(database, moments, folder):
    dense = [f"(({signed_log(c)} - {mean!r}) / {scale!r})::FLOAT AS {c}" for c, (mean, scale) in moments.items()]
    ids = [f"CASE WHEN dealt.{c} IS NULL THEN 0 ELSE coalesce(vocabulary_{c}.id, 1) END::INTEGER AS {c}"
           for c in CATEGORICAL]
    joins = " ".join(f"LEFT JOIN vocabulary_{c} ON dealt.{c} = vocabulary_{c}.value" for c in CATEGORICAL)
    for number, name in enumerate(SPLITS):
        database.execute(f"COPY (SELECT label::FLOAT AS label, {', '.join(dense + ids)} FROM dealt {joins} "
                         f"WHERE split = {number} ORDER BY row) TO '{folder}/{name}.parquet' "
                         "(FORMAT parquet, COMPRESSION uncompressed)")
    for c in CATEGORICAL:
        database.execute(f"COPY (SELECT value FROM vocabulary_{c} ORDER BY id) TO '{folder}/vocabulary-{c}.parquet' "
                         "(FORMAT parquet, COMPRESSION uncompressed)")
    sync(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("output")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-limit", default="", help="e.g. 1GB; DuckDB's own default otherwise")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    scratch = os.path.join(options.output, "scratch")
    os.makedirs(scratch)
    measurement = Measurement(f"duckdb {duckdb.__version__}", options.threads)
    database = duckdb.connect(os.path.join(scratch, "log.duckdb"), config={"threads": options.threads})
    if options.memory_limit:
        database.execute(f"SET memory_limit = '{options.memory_limit}'")
    database.execute(MACROS)
    load(database, options.log)
    measurement.lap("load")
    moments = fit(database)
    measurement.lap("fit")
    encode(database, moments, options.output)
    measurement.lap("encode")
    rows = database.execute("SELECT count(*) FROM log").fetchone()[0]
    measurement.report(rows)
    database.close()
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
