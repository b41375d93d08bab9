"""`python -m semascope` is the `semascope` command."""

from semascope.cli import main

if __name__ == "__main__":
    main()
