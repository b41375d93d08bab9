"""The command line: read what was asked, call the rooms below, say what came of it. No numerics here."""

from semascope.cli.app import app, main

__all__ = ["app", "main"]
