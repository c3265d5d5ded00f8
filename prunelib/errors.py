"""The one exception that people see: bad input, with what to do about it."""

import math
from numbers import Integral, Real


class PrunelibError(ValueError):
    """Bad input or a missing file. Its message is one line that says what to do.

    The command line prints it on stderr and exits with code 2.
    """

    def _render_traceback_(self) -> list[str]:
        """In a notebook the message is enough."""
        return [f"{type(self).__name__}: {self}"]


class Missing(PrunelibError):
    """There is no record of what a figure or a sentence is about."""


def check_integers(least: int, **values: object) -> None:
    """Raise PrunelibError unless values, by name, are integers of at least so much.

    >>> check_integers(1, steps=10)
    """
    for name, value in values.items():
        if not is_integer(value):
            raise PrunelibError(f"{name} must be an integer, not {value!r}")
        if value < least:  # type: ignore[operator]
            raise PrunelibError(f"{name} must be at least {least}, not {value}")


def check_numbers(**values: object) -> None:
    """Raise PrunelibError unless values, by name, are finite numbers of 0 or more."""
    for name, value in values.items():
        if not is_number(value) or not 0 <= value < math.inf:  # type: ignore[operator]
            raise PrunelibError(f"{name} must be a finite number of 0 or more, not {value!r}")


def is_integer(value: object) -> bool:
    """Whether a value is an integer, one of NumPy's, too.

    >>> is_integer(3), is_integer(True), is_integer(3.0)
    (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a real number, one of NumPy's, too.

    >>> is_number(0.5), is_number("0.5")
    (True, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)
