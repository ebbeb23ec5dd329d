"""Values of columnar files as the texts that a CSV file would hold, from which the operations of pipelines start."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark.errors import DataError, bad_file, quoted


def check_columns(plan, file, schema):
    """The columns of `file` are those of the first one, and all have texts."""
    def refuse(rule):
        raise DataError(bad_file(file["path"], "BAD_FORMAT", rule))

    for field in schema:
        if not has_text(field.type):
            refuse(f"column {quoted(field.name.encode())} has type {field.type}; must be a number, text, a boolean, a date or a "
                   "time")
    names = plan["layout"]["columns"]
    if schema.names != names:
        refuse(f"has columns {', '.join(schema.names)}; must have those of the first file, {', '.join(names)}")


def has_text(type_):
    kinds = pa.types
    if kinds.is_dictionary(type_):
        return has_text(type_.value_type)
    return any(is_kind(type_) for is_kind in (
        kinds.is_date, kinds.is_timestamp, kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_string,
        kinds.is_large_string, kinds.is_binary, kinds.is_large_binary, kinds.is_decimal))


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
