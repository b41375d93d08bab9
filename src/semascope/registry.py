"""Find methods. A method is a module in a family's folder (or of a plugin) that ends with a CARD."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from semascope.card import FAMILIES, Card
from semascope.errors import OptionError, UnknownNameError
from semascope.recipe import Part, parse


@cache
def names() -> dict[str, str]:
    """Method name to module, read from file names: nothing is imported. Plugins: entry-point group `semascope.methods`."""
    root = Path(__file__).parent
    modules = [
        f"semascope.{family}.{path.stem}"
        for family in FAMILIES
        for path in sorted((root / family).glob("*.py"))
        if not path.stem.startswith("_")
    ]
    modules += [entry.value for entry in entry_points(group="semascope.methods")]
    found: dict[str, str] = {}
    for module in modules:
        name = module.rsplit(".", 1)[-1]
        if name in found:
            raise OptionError(f"method {name!r}: two modules have that name: {found[name]} and {module}")
        found[name] = module
    return dict(sorted(found.items()))


def card(name: str) -> Card:
    """The card of that name; imports that one module. A class's name will do, so that what `repr` prints can be read."""
    if name not in names() and name[:1].isupper():
        name = re.sub(r"(?<=.)(?=[A-Z])", "_", name).lower()
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UnknownNameError(f"method: there is none called {name!r}{hint} (semascope methods lists them)")
    return import_module(names()[name]).CARD


def cards() -> dict[str, Card]:
    """Every card by name; imports every method."""
    return {name: card(name) for name in names()}


def find(name_or_key: str) -> list[Card]:
    """The cards of that name, or else of that catalogue key.

    Raises:
        UnknownNameError: there is neither; the nearest is named.
    """
    if name_or_key in names():
        return [card(name_or_key)]
    every = cards()
    found = [c for c in every.values() if name_or_key in c.keys]
    if found:
        return found
    near = get_close_matches(name_or_key, [*every, *(key for c in every.values() for key in c.keys)], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownNameError(f"method: there is none called {name_or_key!r}{hint} (semascope methods lists them)")


def make(part: Part | str) -> Any:
    """Build a method from a recipe part, or from its text: `whiten(n_components=8)`."""
    if isinstance(part, str):
        parts = parse(part)
        if len(parts) != 1:
            raise OptionError(f"recipe: want one method, got {len(parts)} in {part!r}")
        part = parts[0]
    if part.layers:
        raise OptionError(f"recipe: want layers behind a backbone only, got {part}")
    args = [make(a) if isinstance(a, Part) else a for a in part.args]
    options = {name: make(value) if isinstance(value, Part) else value for name, value in part.options.items()}
    kind = card(part.name).make
    try:
        return kind(*args, **options)
    except TypeError as error:
        raise OptionError(f"{part.name}: {error}") from None
