"""Pipelines of docs/pipelines.md on Apache Spark: the same tables, rows and digest as sda-preprocessing.

`job` is the driver's part. A pass over the input is one Spark job: `passes` has each block of the input read
(`blocks`, `text_reader`, `parquet_reader`, `arrow_reader`), bad rows left out (`row_screen`), tables joined (`joins`),
the pipeline's operations applied (`operations`, `rows`) and what operations learn emitted (`learning`,
`row_learning`); records meet in a shuffle (`shuffle`), and the driver makes state of them. Columns are Arrow arrays and NumPy vectors throughout. Needs Python 3.9, pyarrow and numpy, nothing else.
"""
