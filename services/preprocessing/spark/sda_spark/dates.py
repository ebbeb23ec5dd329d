"""The operation date_parts."""

import numpy as np

from sda_spark.columns import Column, Distinct
from sda_spark.conversions import civil_from_days, days_from_civil, parse_iso, parse_numbers
from sda_spark.errors import BadField, shown
from sda_spark.parquet_reader import number_to_text

# The years 1 to 9999.
FIRST_SECOND, LAST_SECOND = -62135596800.0, 253402300799.0


def seconds_of(column, unit):
    """Seconds and missing flags of a column of times."""
    if column.kind == "number":
        seconds = column.values / unit
        bad = ~((seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND)) & ~column.missing
        if bad.any():
            row = int(np.argmax(bad))
            raise BadField(row, "BAD_TIME", _rule(number_to_text(column.values[row])))
        return seconds, column.missing
    distinct = Distinct(column.texts)
    values, bad = parse_numbers(distinct.values)
    values /= unit
    for i in np.flatnonzero(bad):
        time = parse_iso(distinct.values[int(i)].as_py().strip(" \t"))
        if time is not None:
            values[i], bad[i] = time, False
    bad |= ~((values >= FIRST_SECOND) & (values <= LAST_SECOND))
    row = distinct.first_row(bad)
    if row is not None:
        raise BadField(row, "BAD_TIME", _rule(shown(distinct.values[int(distinct.codes[row])].as_py().encode())))
    return distinct.spread(values, 0.0), distinct.codes < 0


def _rule(text):
    return f'"{text}" is neither a number of seconds nor an ISO 8601 date or time of the years to 9999'


def date_parts(column, parts, milliseconds, offset_minutes):
    """One integer column for each part."""
    seconds, missing = seconds_of(column, 1000.0 if milliseconds else 1.0)
    moments = np.floor(seconds).astype(np.int64) + offset_minutes * 60
    days, of_day = moments // 86400, moments % 86400
    year, month, day = civil_from_days(days)
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0

    def day_of_year(which, its_year):
        return which - days_from_civil(its_year, 1, 1) + 1

    def week():
        # ISO 8601: the week of a year's first Thursday is its first; weeks begin on Monday.
        thursday = days - weekday + 3
        its_year, _, _ = civil_from_days(thursday)
        return (day_of_year(thursday, its_year) - 1) // 7 + 1

    made = {
        "year": lambda: year, "month": lambda: month, "day": lambda: day, "hour": lambda: of_day // 3600,
        "minute": lambda: of_day // 60 % 60, "second": lambda: of_day % 60, "weekday": lambda: weekday,
        "day_of_year": lambda: day_of_year(days, year), "week": week, "is_weekend": lambda: (weekday >= 5) * 1,
        "days": lambda: days, "seconds": lambda: moments,
    }
    return [Column("integer", np.where(missing, 0, made[part]()).astype(np.int64), missing) for part in parts]
