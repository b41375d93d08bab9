"""What every method guarantees, whatever its family. The data-driven ones need a main verb: see `semascope.testing.say`."""

from __future__ import annotations

import ast
import inspect
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from semascope import registry
from semascope.card import Card
from semascope.errors import OptionError
from semascope.recipe import parse
from semascope.testing.say import built, example, known, locked, material, refused, same, used, want


def _options(card: Card) -> list[str]:
    return list(inspect.signature(card.make).parameters)


def _stored(method: object, name: str) -> object:
    return getattr(method, name)


def name_of_class_is_name_of_file(card: Card) -> None:
    """`OneBit` lives in one_bit.py, so that either name finds the other."""
    wanted = card.name.replace("_", "")
    want(card.make.__name__.lower() == wanted, f"class: want {wanted} up to case, got {card.make.__name__}")


def card_is_complete(card: Card) -> None:
    """A claim that is a sentence, papers that can be read, an example that builds."""
    want(card.claim.says.endswith("."), f"claim.says: want a sentence with a full stop, got {card.claim.says!r}")
    for paper in card.papers:
        want(paper.url.startswith("https://"), f"url: want https, got {paper.url}")
        want(paper.title.strip() and paper.authors, f"paper: want a title and authors, got {paper}")
        want(1900 <= paper.year <= 2100, f"year: want one between 1900 and 2100, got {paper.year}")
        want(paper.bibtex.startswith("@misc{"), f"bibtex: want an entry, got {paper.bibtex}")
    want(card.papers or card.notes, "papers: want at least one, or notes that say where the method comes from")
    for text in filter(None, (example(card), card.claim.spec)):
        part = parse(text)[0]
        want(part.name == card.name, f"example: want {card.name}(...), got {text}")
    built(card)


def file_says_what_it_does(card: Card) -> None:
    """A first line of the file, and of the class, in words."""
    for place in (sys.modules[card.make.__module__], card.make):
        doc = inspect.getdoc(place) or ""
        first = doc.partition("\n")[0]
        want(len(first) > 15, f"docstring of {place}: want a first line that says what it does, got {first!r}")


def file_is_one_class_and_its_card(card: Card) -> None:
    """One public class, no public function, and CARD last, so that a method is read in one go."""
    file = Path(inspect.getfile(card.make))
    body = ast.parse(file.read_text("utf-8")).body
    public = [n.name for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and not n.name.startswith("_")]
    want(public == [card.make.__name__], f"{file.name}: want one public class, got {public}")
    last = body[-1]
    ends = isinstance(last, ast.Assign) and ast.unparse(last.targets[0]) == "CARD"
    want(ends, f"{file.name}: want CARD = Card(...) as its last statement")


def options_are_documented(card: Card) -> None:
    """A line under Args for each."""
    doc = inspect.getdoc(card.make) or ""
    for name in _options(card):
        line = next((line.strip() for line in doc.splitlines() if line.strip().startswith(f"{name}: ")), "")
        want(len(line) > len(name) + 10, f"{name}: want a line in the class's Args, got {line!r}")


def options_are_stored_unchanged(card: Card) -> None:
    """Whatever is passed is what is kept: the constructor neither copies, converts nor checks."""
    if hasattr(card.make, "__dataclass_fields__"):
        first, second = built(card), built(card)
        want(first == second and hash(first) == hash(second), "options: want equal methods to be equal and hash alike")
        params = getattr(card.make, "__dataclass_params__", None)
        want(getattr(params, "frozen", False), "class: want a frozen dataclass")
        return
    for name in _options(card):
        token = object()
        kept = _stored(card.make(**{name: token}), name)
        want(kept is token, f"{name}: want the constructor to keep what it is given, got {kept!r}")


def fitting_changes_no_option(card: Card) -> None:
    """Learning leaves the options as they were given."""
    method = built(card)
    if not hasattr(method, "fit"):
        return
    before = {name: _stored(method, name) for name in _options(card)}
    method.fit(material(card), known(card, material(card)))
    for name, value in before.items():
        want(_stored(method, name) is value, f"{name}: want fit to leave it alone, got {_stored(method, name)!r}")


def unknown_option_is_refused(card: Card) -> None:
    """A misspelt option is an error, from Python and from recipe text."""
    refused(TypeError, "", lambda: card.make(no_such_option=1), "make(no_such_option=1)")
    if card.name in registry.names():
        text = f"{card.name}(no_such_option=1)"
        refused(OptionError, card.name, lambda: registry.make(text), text)


def what_it_prints_can_be_read(card: Card) -> None:
    """`repr` is recipe text that builds an equal method."""
    method = built(card)
    part = parse(repr(method))[0]
    want(part.name in (card.name, card.make.__name__), f"repr: want the method's name, got {method!r}")
    again = card.make(**dict(part.options))
    for name in _options(card):
        want(_stored(again, name) == _stored(method, name), f"repr: want {name} to survive, got {method!r}")


def same_seed_same_bits(card: Card) -> None:
    """Two methods made alike give the same bits for the same data."""
    data = material(card)
    same(used(card, data), used(card, data), "two runs")


def global_randomness_is_untouched(card: Card) -> None:
    """Neither numpy's nor Python's global generator moves, nor does the output depend on them."""
    data = material(card)
    np.random.seed(1)  # noqa: NPY002 - the global state is what is being watched
    random.seed(1)
    before = (str(np.random.get_state()), random.getstate())  # noqa: NPY002
    first = used(card, data)
    after = (str(np.random.get_state()), random.getstate())  # noqa: NPY002
    want(before == after, "global random state: want it untouched")
    np.random.seed(2)  # noqa: NPY002
    same(first, used(card, data), "runs under two global seeds")


def inputs_are_not_written_to(card: Card) -> None:
    """Read-only data is taken, and gives the same bits."""
    data = material(card)
    same(used(card, locked(data)), used(card, data), "read-only data")


def output_is_float32_finite_and_not_constant(card: Card) -> None:
    """float32 rows that are contiguous, finite and differ."""
    out = used(card, material(card))
    want(out.dtype == np.float32, f"output: want float32, got {out.dtype}")
    want(out.ndim == 2 and out.flags.c_contiguous, f"output: want contiguous rows, got shape {out.shape}")
    want(np.isfinite(out).all(), "output: want finite values")
    want(np.ptp(out, axis=0).max() > 0, "output: want rows that differ")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        name_of_class_is_name_of_file,
        card_is_complete,
        file_says_what_it_does,
        file_is_one_class_and_its_card,
        options_are_documented,
        options_are_stored_unchanged,
        fitting_changes_no_option,
        unknown_option_is_refused,
        what_it_prints_can_be_read,
        same_seed_same_bits,
        global_randomness_is_untouched,
        inputs_are_not_written_to,
        output_is_float32_finite_and_not_constant,
    )
}
