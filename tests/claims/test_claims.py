"""Every claim, over three seeds, beside its do-nothing control. Slow: run with `pytest -m claim`."""

from __future__ import annotations

import pytest

from semascope import checking, registry


@pytest.mark.claim
def test_a_claim_is_found_again_as_its_verdict_says(claimant: str) -> None:
    card = registry.card(claimant)
    found = checking.run(card)
    if found.verdict == "not run":
        pytest.skip(found.reason)
    kept = checking.load(claimant)
    wanted = "holds" if kept is None or kept.verdict == "not run" else kept.verdict
    numbers = [(f.seed, f.holds, dict(f.numbers)) for f in found.found]
    assert found.verdict == wanted, f"{card.claim.says} {found.reason} {numbers}"
    assert len(found.found) == 3
    assert not any(control.holds for control in found.control)
    assert found.cpu_seconds <= 3 * 60
