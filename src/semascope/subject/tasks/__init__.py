"""Tasks from a person's files: what can be asked of encoders with the judgements that are there."""

from semascope.subject.tasks.beir import read_qrels, read_run
from semascope.subject.tasks.finding import Found, TaskFound, find_tasks, open_tasks
from semascope.subject.tasks.guessing import KINDS, ROLES

__all__ = ["KINDS", "ROLES", "Found", "TaskFound", "find_tasks", "open_tasks", "read_qrels", "read_run"]
