"""Tests that press Ctrl-C need it to work, also where all tests were started in the background."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
