"""What tune found, as pictures."""

from __future__ import annotations

import numpy as np

from semascope.report.pictures import Forest, Heat, Picture, Points
from semascope.tune.onepass import POOLINGS
from semascope.tune.recipes import Candidate
from semascope.tune.run import Tuned


def pictures(found: Tuned) -> list[Picture]:
    """Quality against bytes with its front, what tricks do here, and layers by poolings."""
    quality = found.searched.quality
    shown = sorted(
        (one for one in found.searched.values if np.isfinite(quality(one))), key=lambda one: (-quality(one), one)
    )
    shown = shown[: max(1, len(shown) * 9 // 10)]  # the worst tenth would press all others into a line
    step = max(1, len(shown) // 400)

    def point(one: Candidate) -> tuple[str, float, float]:
        return found.text(one), float(one.bytes), quality(one)

    sized: dict[int, Candidate] = {}
    for one in found.front:  # on bytes and quality alone: the best of each size that no smaller one reaches
        if one.bytes not in sized or quality(one) > quality(sized[one.bytes]):
            sized[one.bytes] = one
    line: list[Candidate] = []
    for one in (sized[size] for size in sorted(sized)):
        if not line or quality(one) > quality(line[-1]):
            line.append(one)
    groups = {
        "all": [point(one) for one in shown[::step]],
        "front": [point(one) for one in line],
        "plain": [point(found.searched.plain)],
        "chosen": [point(found.chosen)],
    }
    axis = found.tasks[0][2] if len(found.tasks) == 1 else "mean gain, standard deviations"
    drawn: list[Picture] = [
        Points(
            "Quality and bytes on the units that chose, best nine in ten", "bytes per vector", axis, groups, log=True
        )
    ]
    rows = [(one.trick.name, one.found.overall) for one in found.tried]
    if rows:
        what = f"gain in {found.tasks[0][2]}" if len(found.tasks) == 1 else "mean gain over tasks"
        said = "What tricks of papers do here, on units that chose nothing"
        drawn.append(Forest(said, what, [(word, g.value, g.low, g.high) for word, g in rows]))
    if found.heat.size:
        cells = [[float(value) if np.isfinite(value) else None for value in row] for row in found.heat]
        drawn.append(
            Heat(
                f"{axis} of single layers",
                list(POOLINGS),
                [f"layer {layer}" for layer in found.rows.layers],
                cells,
                each=False,
            )
        )
    return drawn
