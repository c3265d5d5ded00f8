"""Signals work also where all tests were started in the background; no test is about time."""

import signal

from hypothesis import settings

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
