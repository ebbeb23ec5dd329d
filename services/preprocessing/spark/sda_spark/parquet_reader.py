"""Parquet: a row group's values as the texts that the operations of pipelines start from."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sda_spark import files
from sda_spark.errors import DataError, bad_file
from sda_spark.text_reader import Cells


def read_parquet_block(plan, block, wanted):
    file = plan["files"][block["file"]]
    names = plan["layout"]["columns"]
    try:
        with files.open_input(file["path"]) as stream:
            table = pq.ParquetFile(stream).read_row_group(block["row_group"], columns=[names[i] for i in wanted])
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", str(error))) from None
    columns = []
    for i in wanted:
        if names[i] not in table.column_names:
            raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", f"has no column {names[i]}"))
        columns.append(as_text(table.column(names[i]).combine_chunks()))
    return Cells(columns, table.num_rows, table.num_rows, lambda: np.arange(table.num_rows))


def as_text(array):
    """Nulls become the empty field."""
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    if pa.types.is_floating(array.type):
        encoded = array.dictionary_encode()
        names = pa.array([number_to_text(v) for v in encoded.dictionary.to_numpy(zero_copy_only=False)], pa.string())
        array = names.take(encoded.indices)
    if not (pa.types.is_string(array.type) or pa.types.is_binary(array.type)):
        array = pc.cast(array, pa.binary() if pa.types.is_large_binary(array.type) else pa.string())
    return array.cast(pa.binary()).fill_null(b"")


def number_to_text(value):
    """The shortest text that reads back as the same number, with or without exponent whichever is shorter: what
    std::to_chars writes."""
    if np.isnan(value):
        return "-nan" if np.signbit(value) else "nan"
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "-0" if np.signbit(value) else "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = np.format_float_scientific(abs(value), unique=True, trim="-").partition("e")
    digits, power = mantissa.replace(".", ""), int(exponent)
    scientific = f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02}"
    if power < 0:
        fixed = "0." + "0" * (-power - 1) + digits
    elif len(digits) <= power + 1:
        fixed = str(int(abs(value)))  # all of its digits, as the whole number it is
    else:
        fixed = digits[: power + 1] + "." + digits[power + 1 :]
    return sign + (fixed if len(fixed) <= len(scientific) else scientific)
