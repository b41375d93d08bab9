"""Run the checks of cards, keep what they found, and say which of it is out of date.

from semascope import checking
from semascope.registry import card
verdict = checking.run(card("whiten"))
verdict.verdict         # "holds", "fails", "does not hold at this scale" or "not run"
checking.save(verdict)
"""

from semascope.checking.listing import cite, methods
from semascope.checking.material import lab_for
from semascope.checking.run import run
from semascope.checking.verdict import VERDICTS, Finding, Verdict, changed, load, rotating, save, source_hash, stale

__all__ = [
    "VERDICTS",
    "Finding",
    "Verdict",
    "changed",
    "cite",
    "lab_for",
    "load",
    "methods",
    "rotating",
    "run",
    "save",
    "source_hash",
    "stale",
]
