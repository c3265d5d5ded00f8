"""Numbers as parts of sentences."""

from collections.abc import Iterable

from prunelib.book.escape import code, markdown
from prunelib.evidence.statistics import mean, mean_interval
from prunelib.evidence.view import View
from prunelib.text import fixed


def spread(values: Iterable[float]) -> str:
    """Mean and range over seeds, per cent."""
    return over_seeds(values, " %")


def correlation(values: Iterable[float]) -> str:
    """Mean and range over seeds of a correlation."""
    return over_seeds(values)


def over_seeds(values: Iterable[float], unit: str = "") -> str:
    """Mean and range over seeds."""
    values = list(values)
    if len(values) == 1:
        return f"{fixed(values[0])}{unit} (one seed)"
    span = f"{fixed(min(values))} to {fixed(max(values))}"
    return f"{fixed(mean(values))}{unit} ({len(values)} seeds: {span})"


def interval(values: Iterable[float]) -> str:
    """Mean with a 95 % interval, or the single value, marked as such."""
    values = list(values)
    if len(values) < 2:
        return f"{signed(values[0])} (one comparison, no interval)"
    middle, low, high = mean_interval(values)
    return f"{signed(middle)} (95 % interval {signed(low)} to {signed(high)})"


def signed(x: float) -> str:
    """A statistic with its sign and two decimals."""
    return fixed(x, sign=True)


def capital(text: str) -> str:
    """With a capital letter at the beginning."""
    return text[:1].upper() + text[1:]


def provenance(view: View) -> str:
    """Scale, data, how many runs of how many, and where they were made, for Markdown."""
    return markdown(view.provenance())


def missing(view: View, what: str) -> str:
    """That there is nothing to say yet, and how to change that."""
    name = view.scale.name
    return (
        f"There are no records of {what} at scale {markdown(name)} yet: "
        f"{code(f'prunelib study {name}')} makes them."
    )
