"""Data frames in and out of estimators, without importing pandas or polars unless somebody asked for them."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

import numpy as np

from semascope.errors import InputError, MissingExtraError, OptionError
from semascope.types import Array, Vectors

CONTAINERS = ("default", "pandas", "polars")


def column_names(x: Any) -> Array | None:
    """The column names of a data frame (d,), where all are text; None for anything else."""
    names = getattr(x, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return np.asarray(list(names), dtype=object)


def same_names(fitted: Array | None, given: Array | None, *, who: str) -> None:
    """Refuse columns of other names, or in another order, than those that were learned from.

    Raises:
        InputError: the names differ, in scikit-learn's words.
    """
    if fitted is None or given is None:
        if fitted is not None:
            warnings.warn(f"X does not have valid feature names, but {who} was fitted with feature names", stacklevel=4)
        elif given is not None:
            warnings.warn(f"X has feature names, but {who} was fitted without feature names", stacklevel=4)
        return
    if list(fitted) == list(given):
        return
    lines = ["X: The feature names should match those that were passed during fit."]
    unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    if unseen:
        lines += ["Feature names unseen at fit time:", *(f"- {name}" for name in unseen[:5])]
    if missing:
        lines += ["Feature names seen at fit time, yet now missing:", *(f"- {name}" for name in missing[:5])]
    if not unseen and not missing:
        lines += ["Feature names must be in the same order as they were in fit."]
    raise InputError("\n".join([*lines, ""]))


def chosen(own: str | None) -> str:
    """The container that output is wanted in: the estimator's own choice, else scikit-learn's global one."""
    if own is not None:
        return own
    sklearn = sys.modules.get("sklearn")
    return "default" if sklearn is None else str(sklearn.get_config()["transform_output"])


def wrapped(rows: Vectors, container: str, names: Array, like: Any) -> Any:
    """Rows (n, d) as the container wants them, with the row labels of `like` where it has some."""
    if container not in CONTAINERS:
        raise OptionError(f"transform: want one of {', '.join(CONTAINERS)}; got {container!r}")
    if container == "default":
        return rows
    try:
        package = import_module(container)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{container} is needed for set_output: pip install {container}") from error
    if container == "polars":
        return package.DataFrame(rows, schema=list(names), orient="row")
    index = like.index if isinstance(like, package.DataFrame) else None
    return package.DataFrame(rows, index=index, columns=names, copy=False)
