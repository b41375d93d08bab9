"""Another name in the place of one: names of the same corpus, exchanged for others that stand where such names stand."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semascope.ops.english import CLAUSE, LITTLE, fitted, found, listed
from semascope.ops.words import names

_DAYS = tuple(listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"))
_MONTHS = tuple(listed("January February March April June July August September October November December"))
_COUNTRIES = tuple(
    listed("""Afghanistan Argentina Australia Austria Bangladesh Belgium Brazil Britain Canada Chile China Colombia Cuba Denmark Egypt
    Ethiopia Finland France Germany Greece Hungary Iceland India Indonesia Iran Iraq Ireland Israel Italy Japan Jordan Kenya
    Lebanon Libya Malaysia Mexico Morocco Nepal Netherlands Nigeria Norway Pakistan Peru Poland Portugal Romania Russia Serbia
    Singapore Somalia Spain Sudan Sweden Switzerland Syria Taiwan Thailand Turkey Uganda Ukraine Venezuela Vietnam Yemen""")
)
_PEOPLES = tuple(
    listed("""American Australian Austrian Belgian Brazilian British Canadian Chinese Cuban Danish Dutch Egyptian European Finnish
    French German Greek Hungarian Indian Indonesian Iranian Iraqi Irish Israeli Italian Japanese Korean Lebanese Mexican
    Nigerian Norwegian Pakistani Palestinian Polish Portuguese Russian Saudi Scottish Serbian Spanish Swedish Swiss Syrian
    Thai Turkish Ukrainian Vietnamese""")
)
_CITIES = tuple(
    listed("""Amsterdam Athens Baghdad Bangkok Barcelona Beijing Berlin Boston Brussels Cairo Chicago Damascus Delhi Dublin Geneva
    Houston Istanbul Jakarta Jerusalem Karachi Kabul Kiev Lisbon London Madrid Manila Melbourne Milan Montreal Moscow
    Mumbai Munich Nairobi Oslo Paris Prague Rome Seattle Seoul Shanghai Stockholm Sydney Tehran Tokyo Toronto Vienna Warsaw
    Washington Zurich""")
)
_LISTS = (_DAYS, _MONTHS, _COUNTRIES, _PEOPLES, _CITIES)
_NAME = re.compile(
    r"(?<![\w.@/#-])(?![a-zß-öø-ÿ])[^\W\d_][\w]*(?:['’-][A-Z]\w*)*(?: [A-Z][\w]+(?:-[A-Z]\w*)*)*(?![\w@/(_]|\.\w|-\w)"
)
_TITLES = frozenset(
    listed("mr mrs ms dr sir president minister prime king queen senator general judge professor coach secretary")
)
_PARTS = frozenset(
    listed("New North South East West United Great Saint San Los Las El Sri Hong Tel Abu Rio Santa Puerto Costa Sierra")
)
_LEAST = 2  # times that a name is there before others are exchanged for it


@dataclass(frozen=True)
class Entities:
    """The names of a corpus by the group in which they are exchanged for each other.

    Args:
        groups: Group -> its names, in order.
        of: Name -> its group.
    """

    groups: Mapping[str, Sequence[str]]
    of: Mapping[str, str]

    @staticmethod
    def gathered(texts: Iterable[str]) -> Entities:
        """The names that stand in these texts, grouped by list (days, countries, ...) or else by how they are used.

        Names that no list holds are grouped by the number of their words, by whether they are capitals alone, and by the word
        in front of them that most often is there: what stands after "in" is not exchanged for what stands after "by".
        """
        every = list(texts)
        known = names(every)
        before: dict[str, Counter[str]] = defaultdict(Counter)
        for text in every:
            for start, _, name in _named(text, known):
                lead = found(text[max(0, start - 20) : start])
                before[name][lead[-1].low if lead and text[start - 1 : start] == " " else ""] += 1
        listed = {name: f"list {at}" for at, own in enumerate(_LISTS) for name in own}
        of: dict[str, str] = {}
        for name, leads in before.items():
            if name in listed:
                of[name] = listed[name]
            elif leads.total() >= _LEAST:
                of[name] = _usage(name, leads)
        groups: dict[str, list[str]] = defaultdict(list)
        for name in sorted(of):
            groups[of[name]].append(name)
        for at, own in enumerate(_LISTS):
            groups[f"list {at}"] = list(own)
            of.update(dict.fromkeys(own, f"list {at}"))
        return Entities({group: tuple(own) for group, own in groups.items() if len(own) > 1}, of)

    def exchanged(self, text: str, rng: np.random.Generator) -> str | None:
        """The text with one of its names exchanged for another of the same group; None where it has none.

        Args:
            text: Of any language that writes names with capitals.
            rng: Chooses.
        """
        places = [(a, b, name) for a, b, name in _named(text, self.of) if self.of.get(name) in self.groups]
        if not places:
            return None
        start, stop, name = places[int(rng.integers(len(places)))]
        have = set(text.split())
        own = set(name.lower().split())
        others = [n for n in self.groups[self.of[name]] if not own & set(n.lower().split()) and n not in have]
        if not others:
            return None
        new = str(others[int(rng.integers(len(others)))])
        return fitted(text, start, stop, new)


def _usage(name: str, leads: Counter[str]) -> str:
    place = sum(leads[word] for word in ("in", "at", "near", "from", "to")) * 2 >= leads.total()
    title = any(leads[word] for word in _TITLES)
    form = "capitals" if name.isupper() else "joined" if re.search(r"[a-z][A-Z]", name) else "words"
    return f"{len(name.split())} {form} {'place' if place else 'person' if title else 'other'}"


def _named(text: str, known: Iterable[str]) -> list[tuple[int, int, str]]:
    """Runs of capitalised words that are names: start, stop, name."""
    held = known if isinstance(known, frozenset | dict) else frozenset(known)
    out: list[tuple[int, int, str]] = []
    for match in _NAME.finditer(text):
        start, name = match.start(), match[0]
        half = text[:start].endswith("& ") or text[match.end() :].startswith(" &")  # of a name with two
        agency = text[start - 1 : start] == "(" and text[match.end() : match.end() + 1] == ")"
        if not name[:1].isupper() or agency or half or re.match(r" --? |\.,|\.\w", text[match.end() :]):
            continue  # the name of an agency or a place before a report, and what has been cut short
        first = name.split(" ")[0]
        while (
            first.lower() in LITTLE | CLAUSE | _TITLES and " " in name
        ):  # "The Hague" loses its article, "In May" its preposition
            start, name = start + len(first) + 1, name[len(first) + 1 :]
            first = name.split(" ")[0]
        if first.lower() in LITTLE | _TITLES or len(name) < 2:
            continue
        if not _known(name, held) and first in _PARTS:
            continue  # "New Zealand", of which "Zealand" alone is known
        if not _known(name, held) and " " in name:  # at a sentence's beginning: "Now Oracle"
            start, name = start + len(first) + 1, name[len(first) + 1 :]
        if _known(name, held):
            out.append((start, start + len(name), name))
    return out


def _known(name: str, held: frozenset[str] | dict[str, str]) -> bool:
    return name in held or all(word.lower() in held for word in name.split(" "))
