"""Tasks that nobody had to judge: made of the texts of a corpus alone.

from semascope.subject.derived import derived_tasks
for task in derived_tasks("texts.jsonl"):
    print(score(encoder, task))
"""

from semascope.subject.derived.making import KINDS, Derived, derived_tasks

__all__ = ["KINDS", "Derived", "derived_tasks"]
