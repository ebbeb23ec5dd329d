"""Where the service cuts text into blocks. In legal text that is no matter. But what becomes of a stray quote depends on the
end of the block it stands in; so where bad rows do not end the job, text is cut exactly as text_source.cc cuts it."""

BLOCK_BYTES = 256 * 1024
# A quoted field beyond this is taken for a quote that never closes.
MOST_QUOTED_BYTES = 4 * BLOCK_BYTES


class Piece:
    """A run of whole rows. `end` is the place in the file behind it, `ahead` how many bytes behind that have been looked at
    already; `damage` what was lost behind it: (reason, rule) or None, and `lost_lines` how many lines."""

    __slots__ = ("ahead", "damage", "end", "lost_lines", "text")

    def __init__(self, text, end, ahead, damage):
        self.text, self.end, self.ahead, self.damage = text, end, ahead, damage
        self.lost_lines = 1 if damage and damage[0] == "ROW_TOO_LONG" else 0


def whole_records(data, begin, quotes):
    """The end of the longest run of whole records from `begin` on; `begin` where there is none."""
    end = data.rfind(b"\n", begin)
    if end < 0 or not quotes:
        return end + 1 if end >= 0 else begin
    # A newline is inside a quoted field exactly when an odd number of quotes precedes it.
    before = data.count(b'"', begin, end)
    while before % 2 == 1:
        earlier = data.rfind(b"\n", begin, end)
        if earlier < 0:
            return begin
        before -= data.count(b'"', earlier, end)
        end = earlier
    return end + 1


class TextCutter:
    """Pieces of text that `read(count)` yields: fewer bytes at the end, OSError where the text is damaged. The first `skip`
    bytes are no rows, the first `ahead` had been looked at when the cut began; `begin` is the place in the file.
    `block_bytes` is what a piece has at least, where there is more."""

    def __init__(self, read, layout, most_row_bytes, begin=0, skip=0, ahead=0, block_bytes=BLOCK_BYTES):
        self.read, self.quotes, self.most_row_bytes = read, layout["quotes"], most_row_bytes
        self.place, self.skip, self.ahead, self.block_bytes = begin, skip, ahead, block_bytes
        self.at_end = self.dropped = False
        self.damage = None

    def _fill(self, data, at_least):
        while not self.at_end and len(data) < at_least:
            try:
                more = self.read(at_least - len(data))
            except OSError as error:
                self.damage = ("TRUNCATED_FILE", str(error))
                self.dropped = self.at_end = True
                return
            self.at_end = not more
            self.place += len(more)
            data += more

    def _drop_long_row(self, data, begin):
        """Reads on to the end of the row that fills the piece, and leaves what is behind it."""
        self.damage = ("ROW_TOO_LONG", f"has more than {self.most_row_bytes} bytes")
        newline = -1
        while newline < 0 and not self.at_end:
            del data[begin:]
            self._fill(data, begin + BLOCK_BYTES)
            newline = data.find(b"\n", begin)
        del data[begin : newline + 1 if newline >= 0 else None]
        self.at_end = self.dropped  # what is behind the row comes with the next piece

    def _next_end(self, data, begin):
        """Reads until there are whole rows in `data`; where they end."""
        wanted = max(self.block_bytes, len(data) + 1)
        while True:
            self._fill(data, wanted)
            if self.at_end:
                break
            # A quote that never closes must not swallow the rest of the file.
            end = whole_records(data, begin, self.quotes and len(data) <= MOST_QUOTED_BYTES)
            if end > begin:
                return end
            if len(data) >= self.most_row_bytes:
                self._drop_long_row(data, begin)
                if not self.at_end:
                    return begin
                break
            wanted = min(wanted * 2, self.most_row_bytes)
        if self.dropped:
            # What is behind the last newline was cut off.
            del data[whole_records(data, begin, False) :]
        return len(data)

    def pieces(self):
        begin = self.skip
        data = bytearray()
        self._fill(data, self.ahead)
        while not self.at_end:
            end = self._next_end(data, begin)
            damage, self.damage = self.damage, None
            text, data = bytes(data[begin:end]), data[end:]
            if text or damage:
                yield Piece(text, self.place - len(data), len(data), damage)
            begin = 0


def cuts(read, layout, most_row_bytes, skip, block_bytes):
    """(place, bytes looked at behind it) of pieces' ends, at least `block_bytes` apart."""
    last = 0
    for piece in TextCutter(read, layout, most_row_bytes, skip=skip).pieces():
        if piece.end - last >= block_bytes:
            last = piece.end
            yield piece.end, piece.ahead
