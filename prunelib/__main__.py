"""`python -m prunelib` is the command `prunelib`."""

from prunelib.cli.main import main

if __name__ == "__main__":
    main()
