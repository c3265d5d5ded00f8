"""Numbers as parts of sentences."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from prunelib.evidence.statistics import mean_interval
from prunelib.evidence.view import View


def spread(values: pd.Series) -> str:
    """Mean and range over seeds, per cent."""
    values = np.asarray(values, float)
    if len(values) == 1:
        return f"{values[0]:.2f} % (one seed)"
    low, high = values.min(), values.max()
    return f"{values.mean():.2f} % ({len(values)} seeds: {low:.2f} to {high:.2f})"


def interval(values: Iterable[float]) -> str:
    """Mean with a 95 % interval, or the single value, marked as such."""
    values = list(values)
    if len(values) < 2:
        return f"{values[0]:+.2f} (one comparison, no interval)"
    mean, low, high = mean_interval(values)
    return f"{mean:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"


def correlation(values: pd.Series) -> str:
    """Mean and range over seeds of a correlation."""
    if len(values) == 1:
        return f"{values.iloc[0]:.2f} (one seed)"
    return f"{values.mean():.2f} ({len(values)} seeds: {values.min():.2f} to {values.max():.2f})"


def signed(x: float) -> str:
    """A statistic with its sign and three significant digits or two decimals."""
    return f"{x:+.2f}"


def capital(text: str) -> str:
    """With a capital letter at the beginning."""
    return text[:1].upper() + text[1:]


def missing(view: View, what: str) -> str:
    """That there is nothing to say yet, and how to change that."""
    return (
        f"There are no records of {what} at scale {view.scale.name} yet: "
        f"`prunelib study {view.scale.name}` makes them."
    )
