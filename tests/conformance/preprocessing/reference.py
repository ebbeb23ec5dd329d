"""Pipelines in plain Python, from docs/pipelines.md alone: the oracle for every engine.

One function an operation, a row at a time, exact sums by fractions, no library but the standard one. A pipeline
is a dict as its YAML file holds it (tests write them as JSON, which is YAML); a table is a list of rows, each a
list of fields, with the names of the columns. Slow and short on purpose.
"""

import bisect
import datetime
import fractions
import math
import re
import struct

MASK = (1 << 64) - 1
NULLS = ("", "NULL", "NA", "?")
SPLITS = ("train", "validation", "test")
LARGEST_FLOAT = 3.4028234663852886e38


class Bad(Exception):
    """A field that an operation cannot take: the first argument is its reason."""


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def hash_of(seed, stream, n):
    return mix(mix(mix(seed & MASK) ^ stream) ^ (n & MASK))


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def unit(value):
    return (value >> 11) * 2.0**-53


def to_number(value):
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return float(value)
    text = value.strip(" \t")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise Bad("BAD_NUMBER", value)
    number = float(text)
    if not abs(number) <= 1e150:
        raise Bad("BAD_NUMBER", value)
    return number + 0.0  # -0 is 0


def in_range(value):
    return value if abs(value) <= 1e150 else None


def to_integer(value):
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        if value != math.floor(value) or not abs(value) < 2**53:
            raise Bad("BAD_NUMBER", value)
        return int(value)
    text = value.strip(" \t")
    if not re.fullmatch(r"-?\d+", text) or not -(2**63) <= int(text) < 2**63:
        raise Bad("BAD_NUMBER", value)
    return int(text)


def to_text(value):
    return str(value) if isinstance(value, int) else value


def to_time(value):
    if not isinstance(value, str):
        return to_number(value)
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?(?:\d\d)?)?)?", value.strip(" \t")
    )
    if not match:
        try:
            return to_number(value)
        except Bad:
            raise Bad("BAD_TIME", value) from None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
    except ValueError:
        raise Bad("BAD_TIME", value) from None
    offset = 0
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "")
        offset = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
        offset = -offset if zone[0] == "-" else offset
    whole = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) + int(second or 0) - offset
    return float(whole) + float(fraction or 0)


def key_of(values):
    """The key of a row's texts: the text itself of one column, crossed of several."""
    if len(values) == 1:
        return values[0] if values[0] is not None else ""
    escaped = ["\\N" if v is None else v.replace("\\", "\\\\").replace("\x1f", "\\x") for v in values]
    return "\x1f".join(escaped)


def exact_mean(values):
    return sum(map(fractions.Fraction, values), fractions.Fraction(0)) / len(values)


def quantile(ordered, i, k):
    return ordered[-(-i * len(ordered) // k) - 1]


def default_threshold(rows):
    for limit, threshold in ((2000, 1), (10000, 3), (1000000, 6), (30000000, 10)):
        if rows < limit:
            return threshold
    return 15


def matches(pattern, name):
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


class Column:
    def __init__(self, kind, values, table_rows=0, made=True):
        self.kind, self.values, self.table_rows, self.made = kind, values, table_rows, made


class Run:
    """One pipeline over one table, with a (names, rows) for each of its joins."""

    def __init__(self, pipeline, names, rows, test_rows, seed, tables=()):
        self.seed = seed
        label = names.index(pipeline["label"])
        positive = pipeline.get("positive_values")
        rows = rows + test_rows
        fields = [[None if f in NULLS else f for f in column] for column in zip(*rows)] or [[] for _ in names]
        self.log = dict(zip(names, fields))
        self.label_name = pipeline["label"]
        raw = [row[label] for row in rows]
        self.labels = [int(f in positive) if positive else int(float(f)) for f in raw]
        self.all_rows = len(rows)
        self.first_test = len(rows) - len(test_rows)
        self.has_test = bool(test_rows)
        self.number = list(range(len(rows)))
        self.splits = ["test" if r >= self.first_test else "train" for r in self.number]
        self.columns = {n: Column("text", c, made=False) for n, c in self.log.items() if n != self.label_name}
        for join, table in zip(pipeline.get("joins", ()), tables, strict=True):
            self.join(join, *table)
        self.order = None
        self.pipeline = pipeline
        if not any(s["operation"] == "split" for s in pipeline["steps"]):
            self.deal_fraction({}, [])

    def join(self, join, names, rows):
        key = names.index(join.get("file_key") or join["key"])
        by_key = {}
        for row in rows:
            if row[key] in NULLS:
                continue
            if row[key] in by_key:
                raise Bad("DUPLICATE_KEY", row[key])
            by_key[row[key]] = row
        nothing = [None] * len(names)
        found = [by_key.get(k, nothing) for k in self.columns[join["key"]].values]
        for i, name in enumerate(names):
            wanted = join.get("columns")
            if name not in wanted and not any(matches(w, name) and i != key for w in wanted) if wanted else i == key:
                continue
            values = [None if row[i] in NULLS else row[i] for row in found]
            self.columns[join.get("prefix", "") + name] = Column("text", values, made=False)

    # ---- names ----

    def resolve(self, names):
        found = []
        for name in names:
            if name in self.columns:
                found.append(name)
                continue
            found += [c for c in self.columns if matches(name, c) and c not in found]
        return found

    def values(self, name):
        if name == self.label_name:
            return [self.log[name][r] for r in self.number]
        return self.columns[name].values

    def outputs(self, step, inputs):
        return step.get("outputs") or [name + step.get("suffix", "") for name in inputs]

    def train(self, step=None):
        everything = step is not None and step.get("fit_on") == "all"
        return [i for i, s in enumerate(self.splits) if everything or s == "train"]

    def run(self):
        for step in self.pipeline["steps"]:
            getattr(self, "do_" + step["operation"])(step)
        return self.output()

    def keep(self, flags):
        def pick(values):
            return [v for v, f in zip(values, flags) if f]

        self.number, self.labels, self.splits = pick(self.number), pick(self.labels), pick(self.splits)
        for column in self.columns.values():
            column.values = pick(column.values)

    def each(self, step, convert, function):
        """Replaces every input by function(values), which returns a Column."""
        inputs = self.resolve(step["inputs"])
        made = [function([convert(v) for v in self.columns[n].values], n) for n in inputs]
        self.columns.update(zip(self.outputs(step, inputs), made))

    # ---- column operations ----

    def do_cast(self, step):
        kind = step.get("to", "number")
        convert = {"number": to_number, "integer": to_integer, "text": to_text}[kind]
        self.each(step, convert, lambda values, _: Column(kind, values))

    def do_fill_missing(self, step):
        strategy = step.get("strategy", "constant")
        inputs = self.resolve(step["inputs"])
        for name, out in zip(inputs, self.outputs(step, inputs)):
            kind, values = self.columns[name].kind, self.columns[name].values
            if strategy == "constant" and "text" in step:
                kind, values, fill = "text", [to_text(v) for v in values], step["text"]
            elif strategy == "constant" and kind == "integer" and float(step["value"]).is_integer():
                fill = int(step["value"])
            elif strategy == "constant":
                kind, values, fill = "number", [to_number(v) for v in values], float(step["value"])
            elif strategy == "most_frequent":
                seen = {}
                for i in self.train(step):
                    if values[i] is not None:
                        seen[values[i]] = seen.get(values[i], 0) + 1
                order = (lambda v: v.encode()) if kind == "text" else (lambda v: v)
                empty = {"text": "", "integer": 0, "number": 0.0}[kind]
                fill = min(seen, key=lambda v: (-seen[v], order(v))) if seen else empty
            else:
                kind, values = "number", [to_number(v) for v in values]
                known = sorted(values[i] for i in self.train(step) if values[i] is not None)
                fill = 0.0
                if known:
                    fill = float(exact_mean(known)) if strategy == "mean" else quantile(known, 1, 2)
            self.columns[out] = Column(kind, [fill if v is None else v for v in values])
            if step.get("indicator"):
                self.columns[out + "_missing"] = Column("integer", [int(v is None) for v in values])

    def do_clip(self, step):
        low, high = step.get("min"), step.get("max")
        whole = all(b is None or float(b).is_integer() for b in (low, high))
        inputs = self.resolve(step["inputs"])
        for name, out in zip(inputs, self.outputs(step, inputs)):
            kind = "integer" if self.columns[name].kind == "integer" and whole else "number"
            convert = int if kind == "integer" else float
            values = [v if v is None else convert(v) for v in map(to_number if kind == "number" else to_integer, self.columns[name].values)]
            if low is not None:
                values = [v if v is None else max(v, convert(low)) for v in values]
            if high is not None:
                values = [v if v is None else min(v, convert(high)) for v in values]
            self.columns[out] = Column(kind, values)

    def number_to_number(self, step, function):
        self.each(step, to_number, lambda values, _: Column(
            "number", [None if v is None else in_range(function(v)) for v in values]))

    def do_log(self, step):
        self.number_to_number(step, lambda v: math.copysign(math.log1p(abs(v)), v))

    def do_standardise(self, step):
        def scaled(values, _):
            known = [fractions.Fraction(values[i]) for i in self.train(step) if values[i] is not None]
            mean, scale = 0.0, 1.0
            if known:
                exact = exact_mean(known)
                mean = float(exact)
                scale = math.sqrt(float(sum(v * v for v in known) / len(known) - exact * exact)) or 1.0
            return Column("number", [None if v is None else in_range((v - mean) / scale) for v in values])

        self.each(step, to_number, scaled)

    def do_quantile_bucket(self, step):
        def bucketed(values, _):
            bounds = [float(b) for b in step.get("bounds", [])]
            if not bounds:
                known = sorted(values[i] for i in self.train(step) if values[i] is not None)
                if known:
                    bounds = sorted({quantile(known, i, step["buckets"]) for i in range(1, step["buckets"])})
            ids = [0 if v is None else 1 + bisect.bisect_left(bounds, v) for v in values]
            return Column("id", ids, len(bounds) + 2)

        self.each(step, to_number, bucketed)

    def hashed(self, step, text):
        return 1 + hash_of(step.get("seed", 0), 7, fnv(text)) % step["buckets"]

    def do_hash(self, step):
        self.each(step, to_text, lambda values, _: Column(
            "id", [0 if v is None else self.hashed(step, v) for v in values], step["buckets"] + 1))

    def do_hash_list(self, step):
        self.each(step, lambda v: v, lambda values, _: Column(
            "id list", [[self.hashed(step, t) for t in v] for v in values], step["buckets"] + 1))

    def do_hex_to_integer(self, step):
        def read(value):
            if value is None:
                return None
            if not re.fullmatch(r"[0-9a-fA-F]{1,16}", value):
                raise Bad("BAD_NUMBER", value)
            number = int(value, 16)
            if step.get("modulus"):
                return number % step["modulus"]
            return number - (1 << 64) if number >> 63 else number

        self.each(step, read, lambda values, _: Column("integer", values))

    def vocabulary(self, step, items):
        """From (key, place) of the train rows to the values in id order."""
        rows, seen = items
        counts, firsts = {}, {}
        for key, place in seen:
            counts[key] = counts.get(key, 0) + 1
            firsts.setdefault(key, place)
        threshold = step.get("frequency_threshold") or default_threshold(rows)
        kept = sorted((k for k in counts if counts[k] >= threshold), key=lambda k: (-counts[k], k.encode()))
        if step.get("max_size"):
            kept = kept[: step["max_size"]]
        if step.get("order") == "first_appearance":
            kept.sort(key=lambda k: firsts[k])
        return kept

    def encoder(self, step, kept):
        missing, unknown = step.get("reserve_missing", True), step.get("reserve_unknown", True)
        first = int(missing) + int(unknown)
        other = int(missing and unknown)
        ids = {value: first + i for i, value in enumerate(kept)}
        return (lambda key: ids.get(key, other)), max(first + len(kept), 1)

    def do_categorify(self, step):
        missing_reserved = step.get("reserve_missing", True)

        def encoded(values, name):
            train = self.train(step)
            if self.columns[name].kind == "text list":
                seen = [(t, (i, e)) for i in train for e, t in enumerate(values[i])]
                encode, rows = self.encoder(step, self.vocabulary(step, (len(train), seen)))
                return Column("id list", [[encode(t) for t in v] for v in values], rows)
            seen = [(key_of([values[i]]), i) for i in train if values[i] is not None or not missing_reserved]
            encode, rows = self.encoder(step, self.vocabulary(step, (len(train), seen)))
            ids = [0 if v is None and missing_reserved else encode(key_of([v])) for v in values]
            return Column("id", ids, rows)

        self.each(step, lambda v: v if isinstance(v, list) else to_text(v), encoded)

    def crossed(self, names):
        return list(zip(*[[to_text(v) for v in self.columns[n].values] for n in names]))

    def do_group_categorify(self, step):
        rows = self.crossed(self.resolve(step["inputs"]))
        missing_reserved = step.get("reserve_missing", True)

        def is_missing(values):
            return missing_reserved and all(v is None for v in values)

        train = self.train(step)
        seen = [(key_of(rows[i]), i) for i in train if not is_missing(rows[i])]
        encode, table = self.encoder(step, self.vocabulary(step, (len(train), seen)))
        ids = [0 if is_missing(v) else encode(key_of(v)) for v in rows]
        self.columns[step["outputs"][0]] = Column("id", ids, table)

    def keyed(self, step, function):
        inputs = self.resolve(step["inputs"])
        if step.get("crossed"):
            self.columns[step["outputs"][0]] = function([key_of(v) for v in self.crossed(inputs)])
            return
        made = [function([key_of([to_text(v)]) for v in self.columns[n].values]) for n in inputs]
        self.columns.update(zip(self.outputs(step, inputs), made))

    def do_count_encode(self, step):
        def counted(keys):
            counts = {}
            for i in self.train(step):
                counts[keys[i]] = counts.get(keys[i], 0) + 1
            return Column("integer", [counts.get(k, 0) for k in keys])

        self.keyed(step, counted)

    def do_frequency_encode(self, step):
        def counted(keys):
            counts, train = {}, self.train(step)
            for i in train:
                counts[keys[i]] = counts.get(keys[i], 0) + 1
            return Column("number", [counts.get(k, 0) / max(len(train), 1) for k in keys])

        self.keyed(step, counted)

    def do_target_encode(self, step):
        weight, folds, least = float(step.get("smoothing", 20)), step.get("folds", 5), step.get("min_count", 1)

        def encoded(keys):
            fold = [hash_of(self.seed, 5, r) % folds for r in self.number]
            out = []
            for i, key in enumerate(keys):
                own = self.splits[i] == "train"
                rows = [j for j in self.train() if not (own and fold[j] == fold[i])]
                same = [j for j in rows if keys[j] == key]
                prior = sum(self.labels[j] for j in rows) / len(rows) if rows else 0.0
                if len(same) < least or len(same) + weight == 0:
                    out.append(prior)
                else:
                    out.append((sum(self.labels[j] for j in same) + weight * prior) / (len(same) + weight))
            return Column("number", out)

        self.keyed(step, encoded)

    def two(self, step, function):
        a, b = ([to_number(v) for v in self.columns[n].values] for n in self.resolve(step["inputs"]))
        values = [None if x is None or y is None else in_range(function(x, y)) for x, y in zip(a, b)]
        self.columns[step["outputs"][0]] = Column("number", values)

    def do_difference(self, step):
        self.two(step, lambda x, y: x - y)

    def do_ratio(self, step):
        self.two(step, lambda x, y: x / y if y != 0 else math.inf)

    def do_date_parts(self, step):
        divisor = 1000 if step.get("unit") == "milliseconds" else 1

        def seconds(value):
            if value is None:
                return None
            try:
                return to_number(value) / divisor
            except Bad:
                return to_time(value)

        def part(name, moment):
            epoch = moment - datetime.datetime(1970, 1, 1)
            return {
                "year": moment.year, "month": moment.month, "day": moment.day, "hour": moment.hour,
                "minute": moment.minute, "second": moment.second, "weekday": moment.weekday(),
                "day_of_year": moment.timetuple().tm_yday, "week": moment.isocalendar()[1],
                "is_weekend": int(moment.weekday() >= 5), "days": epoch.days,
                "seconds": epoch // datetime.timedelta(seconds=1),
            }[name]

        for name in self.resolve(step["inputs"]):
            times = [seconds(v) for v in self.columns[name].values]
            moments = [
                None if t is None else datetime.datetime(1970, 1, 1)
                + datetime.timedelta(seconds=math.floor(t) + 60 * step.get("offset_minutes", 0))
                for t in times
            ]
            for each in step["parts"]:
                values = [None if m is None else part(each, m) for m in moments]
                self.columns[f"{name}_{each}"] = Column("integer", values)

    def do_split_list(self, step):
        def parts(value):
            pieces = [] if value is None else value.split(step.get("separator", "|"))
            if step.get("trim", True):
                pieces = [p.strip(" ") for p in pieces]
            return [p for p in pieces if p]

        self.each(step, lambda v: parts(to_text(v)), lambda values, _: Column("text list", values))

    def do_truncate_list(self, step):
        most = step["max_values"]
        last = step.get("keep") == "last"
        inputs = self.resolve(step["inputs"])
        for name, out in zip(inputs, self.outputs(step, inputs)):
            old = self.columns[name]
            values = [v[-most:] if last else v[:most] for v in old.values]
            self.columns[out] = Column(old.kind, values, old.table_rows)

    def do_multi_hot(self, step):
        for name in self.resolve(step["inputs"]):
            values, counts = self.columns[name].values, {}
            for i in self.train(step):
                for text in set(values[i]):
                    counts[text] = counts.get(text, 0) + 1
            kept = sorted(counts, key=lambda t: (-counts[t], t.encode()))[: step["max_values"]]
            for k in range(step["max_values"]):
                hot = [int(k < len(kept) and kept[k] in v) for v in values]
                self.columns[f"{name}_{k + 1}"] = Column("integer", hot)

    def do_drop(self, step):
        for name in self.resolve(step["inputs"]):
            del self.columns[name]

    def do_select(self, step):
        kept = self.resolve(step["inputs"])
        self.columns = {n: c for n, c in self.columns.items() if n in kept}

    # ---- row operations ----

    def applies(self, step, default=SPLITS):
        return [s in (step.get("splits") or default) for s in self.splits]

    def do_filter(self, step):
        comparison = step.get("comparison", "equal")
        values = self.values(step["inputs"][0])
        compare = {
            "equal": lambda a, b: a == b, "not_equal": lambda a, b: a != b, "less": lambda a, b: a < b,
            "less_or_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b, "greater_or_equal": lambda a, b: a >= b,
        }

        def matches(value):
            if comparison == "missing":
                return value is None
            if comparison == "not_missing":
                return value is not None
            if value is None:
                return False
            if "number" in step:
                return compare[comparison](to_number(value), float(step["number"]))
            inside = to_text(value) in step["values"]
            return inside if comparison in ("equal", "in") else not inside

        self.keep([not a or matches(v) for a, v in zip(self.applies(step), values)])

    def do_sample_negatives(self, step):
        applies = self.applies(step, ("train",))
        self.keep([
            bool(label) or not a or unit(hash_of(self.seed, 6, r)) < step["keep_share"]
            for a, label, r in zip(applies, self.labels, self.number)
        ])

    def do_distinct(self, step):
        if step.get("inputs"):
            names = step["inputs"] if self.label_name in step["inputs"] else self.resolve(step["inputs"])
            columns = [[to_text(v) for v in self.values(n)] for n in names]
        else:
            columns = [[c[r] for r in self.number] for c in self.log.values()]
        seen, flags = set(), []
        for a, key in zip(self.applies(step), zip(*columns)):
            flags.append(not a or key not in seen)
            if a:
                seen.add(key)
        self.keep(flags)

    def do_sort(self, step):
        inputs = step["inputs"] if self.label_name in step["inputs"] else self.resolve(step["inputs"])
        order = list(range(len(self.number)))
        compare = step.get("compare") or ["text"] * len(inputs)
        orders = step.get("orders") or ["ascending"] * len(inputs)
        convert = {"text": lambda v: None if v is None else to_text(v).encode(), "number": to_number, "time": to_time}
        # Stable sorts from the last key to the first.
        for name, how, direction in reversed(list(zip(inputs, compare, orders))):
            keys = [convert[how](v) for v in self.values(name)]
            present = [i for i in order if keys[i] is not None]
            missing = [i for i in order if keys[i] is None]
            present.sort(key=lambda i: keys[i], reverse=direction == "descending")
            order = present + missing
        self.order = order

    def do_split(self, step):
        inputs = self.resolve(step.get("inputs", []))
        getattr(self, "deal_" + step.get("by", "fraction"))(step, [self.columns[n].values for n in inputs])

    def deal(self, step, is_test):
        share = step.get("validation_share", 0.1)
        for i, r in enumerate(self.number):
            if r >= self.first_test if self.has_test else is_test(i, r):
                self.splits[i] = "test"
            else:
                self.splits[i] = "validation" if unit(hash_of(self.seed, 2, r)) < share else "train"

    def deal_fraction(self, step, _):
        self.deal(step, lambda i, r: unit(hash_of(self.seed, 1, r)) < step.get("test_share", 0.2))

    def deal_hash(self, step, inputs):
        keys = [to_text(v) or "" for v in inputs[0]]
        self.deal(step, lambda i, r: unit(hash_of(self.seed, 3, fnv(keys[i]))) < step.get("test_share", 0.2))

    def deal_time(self, step, inputs):
        times = [to_time(v) for v in inputs[0]]
        if None in times:
            raise Bad("BAD_TIME")
        bound = sorted(times)[len(times) - math.floor(step.get("test_share", 0.2) * len(times)) - 1]
        self.deal(step, lambda i, r: times[i] > bound)

    def deal_leave_last_out(self, step, inputs):
        users, times = [to_text(v) or "" for v in inputs[0]], [to_time(v) for v in inputs[1]]
        by_user = {}
        for i, r in enumerate(self.number):
            if r >= self.first_test and self.has_test:
                self.splits[i] = "test"
            else:
                by_user.setdefault(users[i], []).append((times[i], r, i))
        for rows in by_user.values():
            rows.sort(reverse=True)
            test = 0 if self.has_test else min(step.get("test_rows", 1), len(rows) - 1)
            validation = min(step.get("validation_rows", 1), len(rows) - 1 - test)
            for k, (_, _, i) in enumerate(rows):
                self.splits[i] = "test" if k < test else "validation" if k < test + validation else "train"

    def deal_last_part(self, step, _):
        begin = self.first_test if self.has_test else self.all_rows - self.all_rows // step.get("parts", 7)
        middle = begin + (self.all_rows - begin + 1) // 2
        self.splits = ["train" if r < begin else "test" if r < middle else "validation" for r in self.number]

    # ---- output ----

    def output(self):
        chosen = self.pipeline.get("output", {}).get("features")
        names = self.resolve(chosen) if chosen else [n for n, c in self.columns.items() if c.made]
        dense = [n for n in self.columns if n in names and self.columns[n].kind in ("number", "integer")]
        ids = [n for n in self.columns if n in names and self.columns[n].kind in ("id", "id list")]
        order = self.order if self.order is not None else range(len(self.number))
        rows = []
        for split in SPLITS:
            for i in order:
                if self.splits[i] == split:
                    cells = [dense_bits(self.columns[n].values[i]) for n in dense]
                    cells += [id_text(self.columns[n].values[i]) for n in ids]
                    rows.append([split, dense_bits(float(self.labels[i]))] + cells)
        return rows, {n: self.columns[n].table_rows for n in ids}


def dense_bits(value):
    value = 0.0 if value is None else min(max(float(value), -LARGEST_FLOAT), LARGEST_FLOAT)
    return struct.pack(">f", value + 0.0).hex()


def id_text(value):
    return " ".join(map(str, value or [0])) if isinstance(value, list) else str(value)
