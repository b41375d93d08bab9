"""Evaluate: how good are encoders on a person's own tasks?

from semascope.evaluate import evaluate
from semascope.subject.tasks import open_tasks
print(evaluate(["minilm", "default"], open_tasks("pairs.csv")).frame())
"""

from semascope.evaluate.answer import report
from semascope.evaluate.run import Evaluation, Result, evaluate

__all__ = ["Evaluation", "Result", "evaluate", "report"]
