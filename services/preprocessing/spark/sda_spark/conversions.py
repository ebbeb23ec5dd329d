"""Conversions between the types of columns, docs/pipelines.md, "Conversions"."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark.bad_values import BadValues, is_not
from sda_spark.columnar_text import number_to_text
from sda_spark.columns import Column, Distinct, plain, to_numpy
from sda_spark.errors import BadField

LARGEST_NUMBER = 1e150
LARGEST_WHOLE = float(2**53)
BLANKS = " \t"
NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
INTEGER = r"^-?[0-9]+$"
# Not zero before its exponent.
NOT_ZERO = r"^[^eE]*[1-9]"


def parse_numbers(texts):
    """The values of texts, and which of them are none: what is no number, not finite, or too small for one."""
    trimmed = pc.utf8_trim(texts, characters=BLANKS)
    good = to_numpy(pc.match_substring_regex(trimmed, pattern=NUMBER))
    digits = pc.if_else(pa.array(good), pc.replace_substring_regex(trimmed, pattern=r"^\+", replacement=""), "0")
    values = to_numpy(plain(digits).cast(pa.float64())).copy()
    lost = (values == 0) & to_numpy(pc.match_substring_regex(digits, pattern=NOT_ZERO))
    bad = ~good | lost | ~np.isfinite(values)
    values[bad] = 0
    return values, bad


def read_numbers(texts):
    """The numbers of a text array row by row, 0 where null; the missing flags; what is none."""
    distinct = Distinct(texts)
    values, bad = parse_numbers(distinct.values)
    bad |= np.abs(values) > LARGEST_NUMBER
    problems = BadValues(distinct, bad, "BAD_NUMBER", is_not("is not a number (of at most 1e150)"))
    return distinct.spread(values + 0.0, 0.0), distinct.codes < 0, problems  # −0 is 0


def to_number(column):
    if column.kind != "text":
        return Column("number", column.values.astype(np.float64), column.missing_flags())
    values, missing, problems = read_numbers(column.texts)
    problems.raise_first()
    return Column("number", values, missing)


def read_integers(texts):
    distinct = Distinct(texts)
    trimmed = pc.utf8_trim(distinct.values, characters=BLANKS)
    bad = ~to_numpy(pc.match_substring_regex(trimmed, pattern=INTEGER))
    values = np.zeros(len(bad), dtype=np.int64)
    short = to_numpy(pc.binary_length(trimmed)) <= 18
    quick = ~bad & short
    if quick.any():
        values[quick] = to_numpy(trimmed.filter(pa.array(quick)).cast(pa.int64()))
    for i in np.flatnonzero(~bad & ~short):
        value = int(trimmed[int(i)].as_py())
        bad[i] = not -(2**63) <= value < 2**63
        values[i] = 0 if bad[i] else value
    problems = BadValues(distinct, bad, "BAD_NUMBER", is_not("is not a whole number of 64 bits"))
    return distinct.spread(values, 0), distinct.codes < 0, problems


def to_integer(column):
    if column.kind == "id":
        return Column("integer", column.values, column.missing_flags())
    if column.kind == "number":
        bad = ((np.floor(column.values) != column.values) | ~(np.abs(column.values) < LARGEST_WHOLE)) & ~column.missing
        if bad.any():
            row = int(np.argmax(bad))
            text = number_to_text(column.values[row])
            raise BadField(row, "BAD_NUMBER", f'"{text}" is not a whole number below 2^53')
        return Column("integer", np.where(column.missing, 0, column.values).astype(np.int64), column.missing)
    values, missing, problems = read_integers(column.texts)
    problems.raise_first()
    return Column("integer", values, missing)


def to_text(column):
    texts = pa.array(column.values, mask=column.missing_flags()).cast(pa.string())
    return Column("text", texts=texts)


def read_times(texts):
    distinct = Distinct(texts)
    values, bad = parse_times(distinct.values)
    problems = BadValues(distinct, bad, "BAD_TIME", is_not("is neither a number nor an ISO 8601 date or time"))
    return distinct.spread(values, 0.0), distinct.codes < 0, problems


def to_time(column):
    values, missing, problems = read_times(column.texts)
    problems.raise_first()
    return Column("number", values, missing)


def parse_times(texts):
    """Seconds since 1970 of texts, ISO 8601 first, then as numbers; and which of them are neither."""
    values, bad = parse_numbers(texts)
    # What is a number is no ISO date: those have a "-" behind four digits.
    for i in np.flatnonzero(bad):
        time = parse_iso(texts[int(i)].as_py().strip(BLANKS))
        if time is not None:
            values[i], bad[i] = time, False
    return values, bad


_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2}|:)?)?)?"
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_iso(text):
    match = _ISO.fullmatch(text)
    if not match:
        return None
    year, month, day = (int(match.group(i)) for i in (1, 2, 3))
    hour, minute, second = (int(match.group(i) or 0) for i in (4, 5, 6))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 29 if month == 2 and leap else _DAYS[month - 1] if 1 <= month <= 12 else 0
    if not 1 <= day <= last or hour > 23 or minute > 59 or second > 60:
        return None
    zone = 0
    if match.group(8) and match.group(8) != "Z":
        digits = match.group(8)[1:].replace(":", "")
        hours, minutes = int(digits[:2]), int(digits[2:] or 0)
        if hours > 23 or minutes > 59:
            return None
        zone = (hours * 3600 + minutes * 60) * (-1 if match.group(8)[0] == "-" else 1)
    fraction, place = 0.0, 0.1
    for digit in match.group(7) or "":
        fraction += place * int(digit)
        place /= 10
    whole = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone
    return float(whole) + fraction


def days_from_civil(year, month, day):
    """Days since 1970-01-01 in the Gregorian calendar (after H. Hinnant, "chrono-compatible low-level date
    algorithms"); of numbers or vectors."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + 12 * (month <= 2) - 3) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil_from_days(days):
    """Year, month and day of days since 1970-01-01; of vectors."""
    days = days + 719468
    era = days // 146097
    of_era = days - era * 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return year_of_era + era * 400 + (month <= 2), month, day
