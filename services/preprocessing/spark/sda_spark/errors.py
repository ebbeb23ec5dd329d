"""What can be wrong with data: reason, rule and place, worded as the other engine words it."""

SHOWN_BYTES = 60
ELLIPSIS = "…".encode()


class DataError(Exception):
    """`error` is what the result of the job says: message, reason, and file, line, column as far as known."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


class BadField(Exception):
    """A field that an operation cannot take. `row` counts in the batch at hand."""

    def __init__(self, row, reason, rule):
        super().__init__(rule)
        self.row, self.reason, self.rule = int(row), reason, rule


def quoted(value):
    """A value for messages: cut at 60 bytes, control characters and bytes that are not UTF-8 escaped."""
    shown = value[:SHOWN_BYTES]
    while len(shown) < len(value) and shown and value[len(shown)] & 0xC0 == 0x80:
        shown = shown[:-1]
    try:
        shown.decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    simple = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    out = bytearray()
    hexadecimal = False  # a digit behind \xNN would read as part of it
    for byte in shown:
        digit = chr(byte) in "0123456789abcdefABCDEF"
        if byte in simple:
            out += simple[byte].encode()
            hexadecimal = False
        elif byte < 0x20 or byte == 0x7F or (byte >= 0x80 and not valid) or (hexadecimal and digit):
            out += b"\\x%02x" % byte
            hexadecimal = True
        else:
            out.append(byte)
            hexadecimal = False
    return '"' + out.decode() + ('…"' if len(shown) < len(value) else '"')


def shown(value):
    """The same as conversions show it: at most 60 bytes, whole characters, "…" where something was cut."""
    text = value.decode("utf-8", "replace").encode()
    if len(text) <= SHOWN_BYTES:
        return text.decode()
    end = SHOWN_BYTES - len(ELLIPSIS)
    while end > 0 and text[end] & 0xC0 == 0x80:
        end -= 1
    return (text[:end] + ELLIPSIS).decode()


def bad_cell(path, line, column, reason, rule):
    error = {"reason": reason, "file": path, "line": str(line)}
    message = f"{path}:{line}"
    if column:
        error["column"] = column
        message += f": column {quoted(column.encode())}"
    error["message"] = f"{message}: {rule}"
    return error


def bad_file(path, reason, rule):
    return {"reason": reason, "file": path, "message": f"{path}: {rule}"}


def input_changed(path):
    return bad_file(path, "INPUT_CHANGED", "changed while it was being read")
