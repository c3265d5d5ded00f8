"""Signals work also where all tests were started in the background; no test is about time."""

import signal

import pytest
from hypothesis import settings
from studies import fill

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the records of `study` are."""
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder):
    """A made-up study of which all is known."""
    return fill(folder)
