"""Numbers as parts of sentences."""

import html
from collections.abc import Iterable

from prunelib.book.escape import code, markdown
from prunelib.evidence.statistics import mean
from prunelib.evidence.view import View, by_length
from prunelib.text import counted, fixed


def mean_and_range(values: Iterable[float]) -> str:
    """Mean and range over seeds, per cent."""
    return over_seeds(values, "%")


def correlation(values: Iterable[float]) -> str:
    """Mean and range over seeds of a correlation."""
    return over_seeds(values)


def over_seeds(values: Iterable[float], unit: str = "") -> str:
    """Mean and range over seeds."""
    values = list(values)
    if len(values) == 1:
        return f"{fixed(values[0])}{unit} (one seed)"
    span = f"{fixed(min(values))} to {fixed(max(values))}"
    return f"{fixed(mean(values))}{unit} ({len(values)} seeds, from {span})"


def listed(parts: list[str]) -> str:
    """Parts as a list in a sentence.

    >>> listed(["80K", "200K", "320K"])
    '80K, 200K and 320K'
    """
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if parts[1:] else parts)


def span(first: str, last: str) -> str:
    """From one number to another.

    >>> span("1.4", "2.0"), span("2.0", "2.0")
    ('1.4 to 2.0', '2.0')
    """
    return last if first == last else f"{first} to {last}"


def length_of(view: View) -> str:
    """For how many epochs the networks of a study are trained, as a rule."""
    return counted(view.scale.train.epochs, "epoch")


def capital(text: str) -> str:
    """With a capital letter at the beginning."""
    return text[:1].upper() + text[1:]


def provenance(studies: dict[str, View]) -> str:
    """Which runs a page rests on and where they were made, folded away, as Markdown."""
    return folded(view.provenance() for view in by_length(studies).values())


def folded(told: Iterable[str]) -> str:
    """Where a page's numbers come from, a line each, folded away, as Markdown."""
    lines = "".join(f"<li>{html.escape(' '.join(line.split()))}</li>" for line in told)
    return f"<details><summary>Where the numbers come from</summary><ul>{lines}</ul></details>"


def missing(view: View, what: str) -> str:
    """That there is nothing to say yet, and how to change that."""
    name = view.scale.name
    return (
        f"There are no records of {what} at scale {markdown(name)} yet: "
        f"{code(f'prunelib study {name}')} makes them."
    )
