"""`python -m prunelib` is the command `prunelib`."""

from prunelib.cli.main import main

main()
