"""Is B better than A on a person's own data?

from semascope.compare import compared
print(compared(["default", "minilm"], [task]))
"""

from semascope.compare.answer import How, compared
from semascope.compare.clicks import Clicks, ClickTask, click_task, read_click_file, read_clicks
from semascope.compare.comparing import Compared, Pair, Result, compare
from semascope.compare.contenders import Contender, open_contender
from semascope.compare.leaks import Leak, leaks

__all__ = [
    "ClickTask",
    "Clicks",
    "Compared",
    "Contender",
    "How",
    "Leak",
    "Pair",
    "Result",
    "click_task",
    "compare",
    "compared",
    "leaks",
    "open_contender",
    "read_click_file",
    "read_clicks",
]
