"""Counts, durations and other numbers as people write them."""

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

from prunelib.errors import PrunelibError

COUNT_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
MOST_COUNTED = 10**15
"""The greatest count that is one."""
DURATION_SUFFIXES = {"s": 1, "m": 60, "h": 3600}
YEAR = 8_760 * 3_600
NOISE = 10
"""Significant digits of a number that are not noise: differences of errors lose up to three."""


def count(text: str) -> int:
    """A count with an optional K, M or G.

    Raises:
        PrunelibError: it is not a count from 1 to 10^15.

    >>> count("500k"), count("1.1M"), count("92,000")
    (500000, 1100000, 92000)
    """
    match = re.fullmatch(
        r"(\d+(?:\.\d+)?(?:e\d{1,2})?)([kmg]?)", text.strip().replace(",", "").lower()
    )
    value = float(match[1]) * COUNT_SUFFIXES[match[2]] if match else 0
    if not 0.5 < value <= MOST_COUNTED:
        raise PrunelibError(f"{text!r} is not a count like 500k, 1.1M or 92000")
    return round(value)


def counts(text: str) -> tuple[int, ...]:
    """Several counts, separated by commas.

    Raises:
        PrunelibError: one is no count, or a comma may separate thousands.

    >>> counts("80k, 200000")
    (80000, 200000)
    """
    if re.fullmatch(r"\s*\d{1,3}(,\d{3})+\s*", text):
        raise PrunelibError(
            f"{text!r} may be one count or several; write thousands without a comma: 12000 or 12k"
        )
    return tuple(count(part) for part in text.split(","))


def duration(text: str) -> float:
    """Seconds of a duration like 90s, 30m or 2h.

    Raises:
        PrunelibError: it is not a duration, or longer than a year.

    >>> duration("30m")
    1800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip().lower())
    seconds = float(match[1]) * DURATION_SUFFIXES[match[2]] if match else math.inf
    if seconds > YEAR:
        raise PrunelibError(f"{text!r} is not a duration like 90s, 30m or 2h, up to 8760h")
    return seconds


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "seed"), counted(3_000, "run")
    ('1 seed', '3,000 runs')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def short(n: float) -> str:
    """A count in three digits.

    >>> short(563_930), short(2_243_546), short(950), short(2e13)
    ('564K', '2.24M', '950', '20T')
    """
    for divisor, unit in ((1, ""), (1e3, "K"), (1e6, "M"), (1e9, "G")):
        if n < 999.5 * divisor:
            return f"{n / divisor:.3g}{unit}"
    return f"{n / 1e12:.3g}T"


def snapped(x: float | Fraction) -> Decimal:
    """A number without the noise of arithmetic: ten significant digits, none below 1e-12."""
    if isinstance(x, Fraction):
        with localcontext(prec=40):
            exact = Decimal(x.numerator) / Decimal(x.denominator)
    else:
        exact = Decimal(repr(float(x)))
    if not exact.is_finite():
        return exact
    digits = Context(prec=NOISE, rounding=ROUND_HALF_EVEN).create_decimal(exact)
    return Decimal(0) if abs(digits) < Decimal("1e-12") else digits


def rounded(x: float | Fraction, digits: int = 6) -> float:
    """A number as it leaves for a figure, a table or JSON: so many digits, half to even.

    Processors differ in the last digits of sums; what is rounded here is the same on all. Counts
    keep all of their digits.

    >>> rounded(2.6449999999999996), rounded(0.1 + 0.2), rounded(19.123450000001)
    (2.645, 0.3, 19.1234)
    >>> rounded(1129376.0000000002)
    1129376.0
    """
    if isinstance(x, float) and len(text := repr(x)) <= digits + 1 and "e" not in text:
        return x
    value = snapped(x)
    if not value.is_finite() or value == value.to_integral_value():
        return float(value)
    return float(Context(prec=digits, rounding=ROUND_HALF_EVEN).create_decimal(value))


def fixed(x: float | Fraction, places: int = 2, sign: bool = False) -> str:
    """A number in a sentence: so many decimals, half to even, with its sign if wanted.

    >>> fixed(2.6449999999999996), fixed(0.515, sign=True), fixed(-0.001, sign=True)
    ('2.64', '+0.52', '+0.00')
    """
    value = snapped(x)
    if not value.is_finite():
        return f"{value}"
    value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return f"{value if value else abs(value):{'+' if sign else ''}f}"


def plain(value: object) -> object:
    """Data of dictionaries and lists with its numbers rounded.

    >>> plain({"a": (0.1 + 0.2, 3, "b", None)})
    {'a': [0.3, 3, 'b', None]}
    """
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return rounded(value) if isinstance(value, float | Fraction) else value


def one_line(error: BaseException) -> str:
    """An exception's message without line breaks.

    >>> one_line(ValueError("a\\n  b")), one_line(KeyError())
    ('a b', 'KeyError')
    """
    return " ".join(str(error).split()) or type(error).__name__
