"""The work of `sda-bench preprocess` done by Polars' streaming engine, lazily in two passes over the file.

    python3 -m venv /somewhere && /somewhere/bin/pip install -r tests/benchmarks/peers/preprocess_requirements.txt
    build/release/bin/sda datagen criteo --rows 1000000 --output log.tsv
    POLARS_MAX_THREADS=2 /somewhere/bin/python tests/benchmarks/peers/preprocess_polars.py log.tsv out

Pass 1 counts the values of every categorical column and measures every dense one over the training rows; pass 2
encodes all rows into one Arrow IPC file a split. Both run as one collect_all, so that each reads the log once.
Prints one line of JSON; preprocess_verify.py compares the output with that of sda-bench.
"""

import argparse
import os

import polars as pl
from preprocess_common import (CATEGORICAL, COLUMNS, DENSE, FIRST, GOLDEN, SECOND, SPLITS, TEST_SHARE, TEST_STREAM,
                               VALIDATION_SHARE, VALIDATION_STREAM, Measurement, stream_key, sync, threshold)


def draw(stream):
    def number(value):
        return pl.lit(value, dtype=pl.UInt64)

    x = (pl.col("row").cast(pl.UInt64) ^ number(stream_key(stream))) + number(GOLDEN)
    x = (x ^ (x // number(1 << 30))) * number(FIRST)
    x = (x ^ (x // number(1 << 27))) * number(SECOND)
    x = x ^ (x // number(1 << 31))
    return (x // number(1 << 11)).cast(pl.Float64) * 2.0**-53


def signed_log(column):
    x = pl.col(column).cast(pl.Float64).fill_null(0.0)
    return x.sign() * x.abs().log1p()


def scan(path):
    schema = {name: pl.String if name in CATEGORICAL else pl.Int64 for name in COLUMNS}
    log = pl.scan_csv(path, separator="\t", has_header=False, schema=schema, quote_char=None, row_index_name="row")
    test = draw(TEST_STREAM) < TEST_SHARE
    validation = draw(VALIDATION_STREAM) < VALIDATION_SHARE
    split = pl.when(test).then(2).when(validation).then(1).otherwise(0).cast(pl.UInt8)
    return log.with_columns(split=split).drop("row")


def fit(log):
    train = log.filter(pl.col("split") == 0)
    plans = [train.select(rows=pl.len(), **{f"{what}_{c}": getattr(signed_log(c), what)(*ddof)
                                            for c in DENSE for what, ddof in [("mean", ()), ("std", (0,))]})]
    plans += [train.group_by(c).len() for c in CATEGORICAL]
    dense, *counts = pl.collect_all(plans, engine="streaming")
    moments = dense.row(0, named=True)
    rare = threshold(moments["rows"])
    vocabularies = {}
    for column, table in zip(CATEGORICAL, counts, strict=True):
        kept = table.filter(pl.col("len") >= rare, pl.col(column).is_not_null())
        vocabularies[column] = kept.sort(["len", column], descending=[True, False])[column]
    return moments, vocabularies


def encode(log, moments, vocabularies, folder, how):
    dense = [((signed_log(c) - moments[f"mean_{c}"]) / (moments[f"std_{c}"] or 1.0)).cast(pl.Float32).alias(c)
             for c in DENSE]
    if how == "enum":
        ids = [pl.when(pl.col(c).is_null()).then(0)
               .otherwise((pl.col(c).cast(pl.Enum(v), strict=False).to_physical().cast(pl.Int32) + 2).fill_null(1))
               .cast(pl.Int32).alias(c) for c, v in vocabularies.items()]
    else:
        for c, v in vocabularies.items():
            table = pl.LazyFrame({c: v, f"id_{c}": pl.int_range(2, len(v) + 2, dtype=pl.Int32, eager=True)})
            log = log.join(table, on=c, how="left", maintain_order="left")
        ids = [pl.when(pl.col(c).is_null()).then(0).otherwise(pl.col(f"id_{c}").fill_null(1))
               .cast(pl.Int32).alias(c) for c in vocabularies]
    encoded = log.select("split", pl.col("label").cast(pl.Float32), *dense, *ids)
    sinks = []
    for number, name in enumerate(SPLITS):
        rows = encoded.filter(pl.col("split") == number).drop("split")
        sinks.append(rows.sink_ipc(os.path.join(folder, f"{name}.arrow"), compression="uncompressed", lazy=True))
    pl.collect_all(sinks, engine="streaming")
    for column, vocabulary in vocabularies.items():
        path = os.path.join(folder, f"vocabulary-{column}.arrow")
        pl.DataFrame({"value": vocabulary}).write_ipc(path, compression="uncompressed")
    sync(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("output")
    parser.add_argument("--encode", choices=["enum", "join"], default="enum", help="how values become ids")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    measurement = Measurement(f"polars {pl.__version__}", pl.thread_pool_size())
    moments, vocabularies = fit(scan(options.log))
    measurement.lap("fit")
    encode(scan(options.log), moments, vocabularies, options.output, options.encode)
    measurement.lap("encode")
    measurement.report(sum(pl.scan_ipc(os.path.join(options.output, f"{s}.arrow")).select(pl.len()).collect().item()
                           for s in SPLITS))


if __name__ == "__main__":
    main()
