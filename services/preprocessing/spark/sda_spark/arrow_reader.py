"""Arrow IPC, files and streams: a run of record batches is a block."""

import numpy as np
import pyarrow as pa

from sda_spark import files
from sda_spark.cells import CellError, Cells, joined
from sda_spark.columnar_text import as_text, check_columns
from sda_spark.errors import DataError, bad_file

FILE_MAGIC = b"ARROW1"
# What a stream that is whole ends with.
STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"


def _is_file_form(stream):
    begin = stream.read(len(FILE_MAGIC))
    stream.seek(0)
    return begin == FILE_MAGIC


def arrow_parts(plan, file):
    parts = _parts(plan, file)
    if not parts:
        raise DataError(bad_file(file["path"], "INPUT_EMPTY", "has no rows"))
    return parts


def _parts(plan, file):
    """Runs of batches of about a block's bytes: (first, end) of a file; of a stream the bytes [begin, end) of theirs and the
    end of its schema, or None for all of it where they cannot be read one without the other."""
    with files.open_input(file["path"]) as stream:
        try:
            if not _is_file_form(stream):
                check_columns(plan, file, pa.ipc.open_stream(stream).schema)
                stream.seek(0)
                return _stream_parts(stream, plan["block_bytes"])
            reader = pa.ipc.open_file(stream)
            check_columns(plan, file, reader.schema)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(bad_file(file["path"], "INPUT_UNREADABLE", f"is no Arrow IPC file or stream: {error}")) from None
    count = reader.num_record_batches
    step = max(1, plan["block_bytes"] * count // file["bytes"])
    return [(first, min(first + step, count)) for first in range(0, count, step)]


def _stream_parts(stream, block_bytes):
    messages = pa.ipc.MessageReader.open_stream(stream)
    try:
        messages.read_next_message()
        schema_end = begin = end = stream.tell()
        parts = []
        for message in messages:
            # Batches with a dictionary need all that stands before them.
            if message.type != "record batch":
                return [None]
            end = stream.tell()
            if end - begin >= block_bytes:
                parts.append((begin, end, schema_end))
                begin = end
    except (OSError, pa.ArrowInvalid):
        return [None]  # whose reader says what is wrong, behind the rows that stand before it
    if _end_error(stream):
        return [None]
    return parts + ([(begin, end, schema_end)] if end > begin else [])


def _end_error(stream):
    """A stream may end anywhere between two batches; one whose end is marked, where the file ends, is whole."""
    size = stream.size()
    if stream.tell() != size:
        return "has bytes behind the end of its stream"
    if stream.read_at(len(STREAM_END), max(size - len(STREAM_END), 0)) != STREAM_END:
        return "has no mark at the end of its stream; rows may be missing"
    return None


def _batches(stream, part):
    if _is_file_form(stream):
        reader = pa.ipc.open_file(stream)
        for number in range(*part):
            yield reader.get_batch(number)
    elif part is not None:
        begin, end, schema_end = part
        yield from pa.ipc.open_stream(stream.read_at(schema_end, 0) + stream.read_at(end - begin, begin))
    else:
        yield from pa.ipc.open_stream(stream)
        error = _end_error(stream)
        if error:
            raise OSError(error)


def _checked(array):
    """Whether text is UTF-8 is left to those who check fields; offsets must be right."""
    array.validate()
    if pa.types.is_string(array.type):
        array = array.view(pa.binary())
    elif pa.types.is_large_string(array.type):
        array = array.view(pa.large_binary())
    array.validate(full=True)
    return array


def read_arrow_block(plan, block, wanted):
    file = plan["files"][block["file"]]
    chunks, rows, error = [[] for _ in wanted], 0, None
    with files.open_input(file["path"]) as stream:
        try:
            for batch in _batches(stream, block["part"]):
                columns = [_checked(column) for column in batch.columns]
                for texts, column in zip(chunks, wanted):
                    texts.append(as_text(columns[column]))
                rows += batch.num_rows
        except (OSError, pa.ArrowInvalid) as found:
            error = CellError(None, -1, "INPUT_UNREADABLE", str(found))
    return Cells([joined(texts) for texts in chunks], rows, rows, lambda: np.arange(rows), error)
