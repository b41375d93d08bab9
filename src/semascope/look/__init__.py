"""Look: what is in a corpus, as one page that needs nothing but a browser."""

from semascope.look.found import (
    Duplicates,
    FewLabels,
    Found,
    Group,
    Groups,
    Labels,
    Languages,
    Layout,
    Lengths,
    Outliers,
    Suspect,
    Trend,
    Trends,
)
from semascope.look.look import look
from semascope.look.page import look_page
from semascope.look.search import PageSearch, make_search

__all__ = [
    "Duplicates",
    "FewLabels",
    "Found",
    "Group",
    "Groups",
    "Labels",
    "Languages",
    "Layout",
    "Lengths",
    "Outliers",
    "PageSearch",
    "Suspect",
    "Trend",
    "Trends",
    "look",
    "look_page",
    "make_search",
]
