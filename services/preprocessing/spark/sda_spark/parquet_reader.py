"""Parquet: a row group is a block."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sda_spark import files
from sda_spark.cells import Cells
from sda_spark.columnar_text import as_text, check_columns
from sda_spark.errors import DataError, bad_file


def parquet_parts(plan, file):
    """The numbers of the row groups that have rows."""
    try:
        with files.open_input(file["path"]) as stream:
            parquet = pq.ParquetFile(stream)
            check_columns(plan, file, parquet.schema_arrow)
            groups = [g for g in range(parquet.num_row_groups) if parquet.metadata.row_group(g).num_rows]
    except pa.ArrowInvalid as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
    if not groups:
        raise DataError(bad_file(file["path"], "INPUT_EMPTY", "has no rows"))
    return groups


def read_parquet_block(plan, block, wanted):
    file = plan["files"][block["file"]]
    names = plan["layout"]["columns"]
    try:
        with files.open_input(file["path"]) as stream:
            table = pq.ParquetFile(stream).read_row_group(block["part"], columns=[names[i] for i in wanted])
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
    columns = [as_text(table.column(names[i]).combine_chunks()) for i in wanted]
    return Cells(columns, table.num_rows, table.num_rows, lambda: np.arange(table.num_rows))
