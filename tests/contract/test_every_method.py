"""What every method guarantees. A method is tested by existing: these run over all that the registry finds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from semascope.card import Card
from semascope.errors import MissingExtraError
from semascope.registry import cards, names
from semascope.testing import NULL, contract

CARDS = list(cards().values())
TESTS = Path(__file__).resolve().parents[1]
each = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


@pytest.mark.parametrize(
    ("card", "check"),
    [(card, check) for card in CARDS for check in contract(card)],
    ids=lambda v: getattr(v, "name", v),
)
def test_contract(card: Card, check: str) -> None:
    try:
        contract(card)[check](card)
    except MissingExtraError as error:
        pytest.skip(str(error))


@each
def test_what_a_card_waives_is_a_check_that_it_fails(card: Card) -> None:
    known = contract(replace(card, waive={}))
    for name, reason in card.waive.items():
        assert len(reason) > 20
        assert name in known
        with pytest.raises(Exception):  # noqa: PT011, B017 - any way of failing will do
            known[name](card)


@each
def test_has_a_do_nothing_method_to_compare_with(card: Card) -> None:
    assert card.claim.null is not None or card.family in NULL


@each
def test_has_an_independent_reference(card: Card) -> None:
    text = "".join(path.read_text("utf-8") for path in (TESTS / "numerics").glob("test_*.py"))
    assert f'@reference("{card.name}")' in text, f"tests/numerics has no reference for {card.name}"


def test_no_two_methods_share_a_file_name_and_every_family_has_one() -> None:
    assert len(names()) == len(set(names().values()))
    assert {card.family for card in CARDS} >= {"pooling", "transforms", "compression"}


def test_importing_all_methods_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\nfrom semascope import registry\nregistry.cards()\n"
        "heavy = {'torch', 'transformers', 'scipy', 'sklearn', 'pandas', 'tokenizers', 'safetensors', 'click'}\n"
        "print(json.dumps(sorted(heavy & {name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_listing_names_imports_no_method() -> None:
    script = (
        "import sys\nfrom semascope import registry\nassert len(registry.names()) > 5\n"
        "print([name for name in sys.modules if name in registry.names().values()])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
