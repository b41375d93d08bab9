"""PaCMAP with its defaults, on rows of length one."""

# /// script
# dependencies = ["pacmap==0.9.1"]
# ///
from __future__ import annotations

from typing import Any

from map._measure import measured


def lay_out(x: Any) -> Any:
    import pacmap  # here: numba reads the number of threads when it is imported

    return pacmap.PaCMAP().fit_transform(x)


if __name__ == "__main__":
    measured("PaCMAP", "pacmap", lay_out)
