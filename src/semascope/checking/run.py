"""Run the check of one card, over several seeds, beside its do-nothing control."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from semascope import registry
from semascope.card import Card, Evidence
from semascope.checking.material import Material
from semascope.checking.verdict import Finding, Verdict, Word, source_hash, today
from semascope.encoders import available
from semascope.encoders.factory import TINY
from semascope.errors import OptionError, SemascopeError
from semascope.testing import NULL
from semascope.types import Progress


def run(
    card: Card,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    data: Any = None,
    model: Any = None,
    progress: Progress | None = None,
) -> Verdict:
    """Run the card's check with its method and with its control, once a seed each.

    "holds" needs the claim to hold at every seed and the control to fail at every one. A check that its control also
    satisfies says nothing: "fails". A claim that does not hold on real vectors "does not hold at this scale"; one about
    made-up material with a known answer "fails".

    Args:
        card: Whose claim.
        seeds: One run each.
        data: A file, folder, Corpus or list of texts in place of Python's docstrings.
        model: An encoder, recipe or folder in place of the encoders that the check asks for.
        progress: Told after every run.

    Raises:
        OptionError: no seeds, or the family has no do-nothing method.
    """
    if not seeds:
        raise OptionError("seeds: want at least 1, got none")
    null = card.claim.null or NULL.get(card.family)
    if null is None:
        raise OptionError(f"{card.name}: the family {card.family} has no do-nothing method; give Claim(null=...)")
    spec = card.claim.spec or card.name
    missing = lacking(card, model)
    material = Material(data, model)
    found: list[Finding] = []
    control: list[Finding] = []
    word: Word = "not run"
    reason = f"needs {', '.join(missing)}" if missing else ""
    start = time.process_time()
    if not missing:
        try:
            for done, seed in enumerate(seeds):
                found.append(_finding(seed, card.claim.check(material.lab(seed), _method(card))))
                control.append(_finding(seed, card.claim.check(material.lab(seed), null())))
                if progress is not None:
                    progress(done + 1, len(seeds))
            word, reason = judged(found, control, measured=bool(material.models))
        except SemascopeError as error:
            word, reason, found, control = "not run", str(error), [], []
    return Verdict(
        name=card.name,
        keys=card.keys,
        claim=card.claim.says,
        verdict=word,
        reason=reason,
        method=spec,
        found=tuple(found),
        control=tuple(control),
        models=dict(sorted(material.models.items())),
        texts=material.texts,
        cpu_seconds=round(time.process_time() - start, 1),
        source=source_hash(card),
        date=today(),
    )


def judged(found: Sequence[Finding], control: Sequence[Finding], *, measured: bool) -> tuple[Word, str]:
    """The verdict on findings and their control, and why; `measured` says whether a real encoder was used."""
    fooled = [f.seed for f in control if f.holds]
    if fooled:
        return "fails", f"the do-nothing control satisfies the check too (seeds {', '.join(map(str, fooled))})"
    held = sum(f.holds for f in found)
    if held == len(found):
        return "holds", ""
    return ("does not hold at this scale" if measured else "fails"), f"held at {held} of {len(found)} seeds"


def lacking(card: Card, model: Any = None) -> list[str]:
    """What the check needs and is not here: packages, and encoders unless a model is given in their place."""
    here = {one.name for one in available()}
    missing: list[str] = []
    for need in card.claim.needs:
        kind, _, encoder = need.partition(":")
        if kind == "encoder":
            if model is None and encoder not in here:
                hint = f" (semascope models --make {encoder})" if encoder in TINY else ""
                missing.append(f"encoder {encoder}{hint}")
        elif find_spec(need) is None:
            missing.append(f"package {need}")
    return missing


def _method(card: Card) -> Any:
    return registry.make(card.claim.spec) if card.claim.spec else card.make()


def _finding(seed: int, evidence: Evidence) -> Finding:
    numbers = {name: float(f"{float(value):.6g}") for name, value in evidence.numbers.items()}
    return Finding(int(seed), bool(evidence.holds), numbers)
