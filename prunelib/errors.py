"""The one exception that people see: bad input, with what to do about it."""


class PrunelibError(ValueError):
    """Bad input or a missing file. Its message is one line that says what to do.

    The command line prints it on stderr and exits with code 2.
    """

    def _render_traceback_(self) -> list[str]:
        """In a notebook the message is enough."""
        return [f"{type(self).__name__}: {self}"]


class Missing(PrunelibError):
    """There is no record of what a figure or a sentence is about."""
