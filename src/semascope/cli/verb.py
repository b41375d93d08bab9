"""A verb of the command line: what it does, what it takes, and commands to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class Verb(click.Command):
    """A command whose help shows examples.

    Args:
        examples: Command and what it is for, one a line.
        about: A paragraph below the first sentence.
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), about: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = tuple(examples)
        self.about = about

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence, then what there is to know."""
        super().format_help_text(ctx, formatter)
        if self.about:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(self.about)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, last, where the eye is when the help has scrolled by."""
        super().format_epilog(ctx, formatter)
        show_examples(self.examples, formatter)


def show_examples(examples: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    """Commands, each with what it is for behind it, or above it where one line is too short for both."""
    if not examples:
        return
    longest = max(len(command) for command, _ in examples)
    lines = [f"{command.ljust(longest)}  # {what}" if what else command for command, what in examples]
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        if max(map(len, lines)) + len(indent) > formatter.width:
            lines = [line for command, what in examples for line in ([f"# {what}"] if what else []) + [command]]
        for line in lines:
            formatter.write(f"{indent}{line}\n")
