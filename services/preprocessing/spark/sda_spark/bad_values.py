"""Values that cannot be taken for what they should be."""

from sda_spark.errors import BadField, shown


class BadValues:
    """Those among the different values of a column (a Distinct) that `flags` marks. `rule` says what is wrong with a value,
    given as bytes."""

    def __init__(self, distinct, flags, reason, rule):
        self.distinct, self.flags, self.reason, self.rule = distinct, flags, reason, rule

    def rows(self):
        """A flag for each row."""
        return self.distinct.spread(self.flags, False)

    def at(self, row):
        value = self.distinct.values[int(self.distinct.codes[row])].as_py()
        return BadField(row, self.reason, self.rule(value.encode() if isinstance(value, str) else value))

    def raise_first(self):
        row = self.distinct.first_row(self.flags)
        if row is not None:
            raise self.at(row)


def is_not(what):
    """The rule `"VALUE" what`."""
    return lambda value: f'"{shown(value)}" {what}'
