"""The one line: what is wrong, or that nothing was found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from semascope.doctor.figures import rows_said
from semascope.report import Finding


def trouble(findings: Sequence[Finding], leave_out: Sequence[str]) -> str:
    """`2 faults (zero rows, lengths) and 1 warning (hubs)`, or `Nothing wrong was found`; without a full stop."""
    parts: list[str] = []
    for level in ("fault", "warning"):
        names = [one.name for one in findings if one.level == level and one.name not in leave_out]
        if names:
            parts.append(f"{rows_said(len(names), level)} ({', '.join(dict.fromkeys(names))})")
    return " and ".join(parts) if parts else "Nothing wrong was found"


def quoted(text: str) -> str:
    """As a shell takes it."""
    return shlex.quote(text)
