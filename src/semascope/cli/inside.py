"""Three further answers of `evaluate`: position bias, probes, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from semascope.cli import say
from semascope.cli.subjects import opened
from semascope.errors import InputError, OptionError

if TYPE_CHECKING:
    from semascope.report import Report
    from semascope.types import Encoder, Task

FLAGS = ("position", "probes", "thresholds")
_OPTIONS = (
    click.option(
        "--position", is_flag=True, help="Ask instead whether vectors of DATA's texts say more of their beginnings."
    ),
    click.option(
        "--probes", is_flag=True, help="Ask instead what vectors hold of DATA's sentences: words, order, tense."
    ),
    click.option(
        "--thresholds",
        is_flag=True,
        help="Ask instead where to cut the scores of a retrieval task, and how they overlap.",
    ),
)


def inside_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that ask for one of the three."""
    for one in reversed(_OPTIONS):
        command = one(command)
    return command


def asked(how: dict[str, Any]) -> str:
    """Which of them is asked for; "" for none.

    Raises:
        OptionError: more than one.
    """
    wanted = [name for name in FLAGS if how[name]]
    if len(wanted) > 1:
        raise OptionError(
            f"--{wanted[1]}: want at most one of {', '.join(f'--{name}' for name in FLAGS)}, got {len(wanted)}"
        )
    if wanted and how["save"]:
        raise OptionError(
            f"--save: want it without --{wanted[0]}, which gives no scores to keep; --json gives its figures"
        )
    return wanted[0] if wanted else ""


def answered(
    what: str,
    encoders: dict[str, Encoder],
    data: str,
    how: dict[str, Any],
    tasks_of: Callable[..., tuple[Sequence[Task], list[str]]],
    *,
    quiet: bool,
) -> Report:
    """The report that is asked for.

    Args:
        what: "position", "probes" or "thresholds".
        encoders: By name.
        data: As the person wrote it.
        how: The options of evaluate.
        tasks_of: What reads tasks from data.
        quiet: Whether no progress is shown.

    Raises:
        InputError: data has no texts, or no retrieval task where thresholds are asked for.
    """
    from semascope.evaluate import inside
    from semascope.tasks import Retrieval

    names = " ".join(say.quoted(name) for name in encoders)
    follows = f"semascope evaluate {names} --data {say.quoted(data)}"
    if what == "thresholds":
        tasks, _ = tasks_of(data, how, quiet=quiet)
        found = next((task for task in tasks if isinstance(task, Retrieval)), None)
        if found is None:
            raise InputError(
                f"--thresholds: want a retrieval task in {data}, got {', '.join(one.kind for one in tasks)}"
            )
        with say.Bar("Encoding", "texts", quiet=quiet) as bar:
            return inside.thresholds(encoders, found, source=data, follows=follows, progress=bar)
    held = opened(data, {"seed": how["seed"], "sample": how["sample"], "json_": quiet})
    if held.texts is None:
        raise InputError(f"DATA: want texts, got vectors alone in {held.name}")
    follows += " --probes" if what == "position" else " --position"
    with say.Bar("Encoding", "texts", quiet=quiet) as bar:
        ask = inside.position if what == "position" else inside.probes
        return ask(encoders, held.texts, source=data, follows=follows, progress=bar)
