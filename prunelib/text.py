"""Counts and durations as people write them."""

import re

from prunelib.errors import PrunelibError

COUNT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
DURATION = {"s": 1, "m": 60, "h": 3600}


def count(text: str) -> int:
    """A count with an optional K, M or G.

    Raises:
        PrunelibError: it is not a positive count.

    >>> count("500k"), count("1.1M"), count("92,000")
    (500000, 1100000, 92000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.strip().replace(",", "").lower())
    if not match or not (value := round(float(match[1]) * COUNT[match[2]])):
        raise PrunelibError(f"{text!r} is not a count like 500k, 1.1M or 92000")
    return value


def duration(text: str) -> float:
    """Seconds of a duration like 90s, 30m or 2h.

    Raises:
        PrunelibError: it is not a duration.

    >>> duration("30m")
    1800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip().lower())
    if not match:
        raise PrunelibError(f"{text!r} is not a duration like 90s, 30m or 2h")
    return float(match[1]) * DURATION[match[2]]


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "seed"), counted(3_000, "run")
    ('1 seed', '3,000 runs')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def short(n: float) -> str:
    """A count in three digits.

    >>> short(563_930), short(2_243_546), short(950)
    ('564K', '2.24M', '950')
    """
    for limit, divisor, unit in ((999.5, 1, ""), (999_500, 1e3, "K"), (999.5e6, 1e6, "M")):
        if n < limit:
            return f"{n / divisor:.3g}{unit}"
    return f"{n / 1e9:.3g}G"
