"""Whether a text is in the store at all: half of the hidden rows stay in it, the other half is taken out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semascope.inversion.membership_inference import MembershipInference
from semascope.leak.finding import Encodings
from semascope.leak.found import Figure
from semascope.leak.reading import Material
from semascope.leak.splits import Split, near_copies
from semascope.ops import Interval
from semascope.types import Vectors

FALSE = 0.01  # of texts that are not in the store are taken for members
DRAWS = 1000
LEAST = 10  # texts on either side


def membership_figures(
    material: Material, split: Split, stored: Vectors, encodings: Encodings, *, strongest: bool
) -> list[Figure]:
    """AUC and true positives at 1 % false ones, for an attacker who knows the encoder, where there is one, and one who does not.

    The store holds the known rows and every other one of the hidden ones; texts of which another is nearly a copy are not asked
    for.
    """
    inside, outside = split.unseen[::2], split.unseen[1::2]
    outside = outside[~near_copies(*([material.words[int(i)] for i in rows] for rows in (outside, inside)))]
    if min(len(inside), len(outside)) < LEAST:
        return []
    store = stored[np.concatenate([split.known, inside])]
    asked = material.some(np.concatenate([inside, outside]))
    out: list[Figure] = []
    for name, encoder in encodings.attackers(material.texts, strongest=strongest).items():
        attack = MembershipInference(encoder=encoder).fit(stored[split.known], np.array(material.some(split.known)))
        scores = attack.scores(store, asked).astype(np.float64)
        out.append(_figure(name, scores[: len(inside)], scores[len(inside) :], seed=len(out)))
    return out


def _figure(attacker: str, members: NDArray[np.floating], others: NDArray[np.floating], *, seed: int) -> Figure:
    auc, caught = _bootstrapped(members, others, seed=seed)
    guess = Interval(0.5, 0.5, 0.5, auc.n)
    gain = Interval(auc.value - 0.5, auc.low - 0.5, auc.high - 0.5, auc.n)
    return Figure(
        f"membership, {attacker}",
        f"is the AUC of telling texts in the store from others ({attacker})",
        auc,
        guess,
        gain,
        more={"caught at 1 % false alarms": caught},
        rate=False,
    )


def _bootstrapped(
    members: NDArray[np.floating], others: NDArray[np.floating], *, seed: int
) -> tuple[Interval, Interval]:
    """AUC and true positives at 1 % false ones, members and others drawn anew each time."""
    rng, n = np.random.default_rng((seed, 59)), len(members) + len(others)
    drawn = [
        _both(
            members[rng.integers(len(members), size=len(members))], others[rng.integers(len(others), size=len(others))]
        )
        for _ in range(DRAWS)
    ]
    ends = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    auc, caught = _both(members, others)
    return (
        Interval(auc, float(ends[0, 0]), float(ends[1, 0]), n),
        Interval(caught, float(ends[0, 1]), float(ends[1, 1]), n),
    )


def _both(members: NDArray[np.floating], others: NDArray[np.floating]) -> tuple[float, float]:
    """The area under the curve, ties counting half; and the share of members above all but 1 % of the others."""
    ordered = np.sort(others)
    below = (np.searchsorted(ordered, members, "left") + np.searchsorted(ordered, members, "right")) / 2
    edge = ordered[-(int(FALSE * len(ordered)) + 1)]
    return float(below.mean() / len(ordered)), float((members > edge).mean())
