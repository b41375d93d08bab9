"""Tune: which recipe should I ship? One pass over the model, a thousand recipes, and what holds on units that chose nothing.

from semascope.tune import tune
found = tune(None, "minilm", [task], budget="64 bytes, 5 ms")
found.best_encoder.save("./tuned")
"""

from semascope.tune.budget import Budget
from semascope.tune.report import report
from semascope.tune.run import Tuned, tune
from semascope.tune.saving import save_tuned

__all__ = ["Budget", "Tuned", "report", "save_tuned", "tune"]
