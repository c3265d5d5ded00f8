"""`python -m prunelib` is the command `prunelib`."""

from prunelib.cli.main import run_prunelib

if __name__ == "__main__":
    run_prunelib()
