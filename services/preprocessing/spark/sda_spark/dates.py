"""The operation date_parts."""

import numpy as np

from sda_spark.bad_values import BadValues, is_not
from sda_spark.columnar_text import number_to_text
from sda_spark.columns import Column, Distinct
from sda_spark.conversions import civil_from_days, days_from_civil, parse_iso, parse_numbers
from sda_spark.errors import BadField

# The years 1 to 9999.
FIRST_SECOND, LAST_SECOND = -62135596800.0, 253402300799.0


RULE = "is neither a number of seconds nor an ISO 8601 date or time of the years to 9999"


def read_seconds(texts, milliseconds):
    """The seconds of a text array row by row; the missing flags; what is no time."""
    distinct = Distinct(texts)
    values, bad = parse_numbers(distinct.values)
    values /= _unit(milliseconds)
    for i in np.flatnonzero(bad):
        time = parse_iso(distinct.values[int(i)].as_py().strip(" \t"))
        if time is not None:
            values[i], bad[i] = time, False
    bad |= ~((values >= FIRST_SECOND) & (values <= LAST_SECOND))
    return distinct.spread(values, 0.0), distinct.codes < 0, BadValues(distinct, bad, "BAD_TIME", is_not(RULE))


def _unit(milliseconds):
    return 1000.0 if milliseconds else 1.0


def _seconds_of(column, milliseconds):
    if column.kind != "number":
        seconds, missing, problems = read_seconds(column.texts, milliseconds)
        problems.raise_first()
        return seconds, missing
    seconds = column.values / _unit(milliseconds)
    bad = ~((seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND)) & ~column.missing
    if bad.any():
        row = int(np.argmax(bad))
        raise BadField(row, "BAD_TIME", f'"{number_to_text(column.values[row])}" {RULE}')
    return seconds, column.missing


def date_parts(column, parts, milliseconds, offset_minutes):
    """One integer column for each part."""
    seconds, missing = _seconds_of(column, milliseconds)
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
