"""Questions that plain sentences answer by themselves: their length, words and order, tense, number, a word out of place.

Each builder gives texts, the answer for each, and what is to be held out together or None. As far as plain text goes these are
the probing tasks of Conneau et al. (2018), "What you can cram into a single vector"; tense and number know English alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semascope.ops.probing import words_asked
from semascope.ops.words import little_words, words

# SentEval's bins of words.
_BINS = ((5, 8), (9, 12), (13, 16), (17, 20), (21, 25), (26, 28))
_WORD = re.compile(r"[^\W\d_]+$")
_OPENINGS = 5
_ENDS = ("ing", "ed", "ly", "ion", "s", "")
# Present and past of the verbs whose forms say their tense; regular ones are found in the texts.
_IRREGULAR = (
    "is was are were has had does did says said goes went comes came makes made takes took gives gave gets got finds found "
    "knows knew thinks thought sees saw becomes became begins began keeps kept holds held brings brought writes wrote stands "
    "stood loses lost pays paid meets met runs ran leads led tells told means meant feels felt falls fell buys bought sends sent "
    "builds built spends spent grows grew rises rose speaks spoke wins won draws drew chooses chose breaks broke sells sold "
    "throws threw drives drove sits sat wears wore shows showed"
)
_FORMS = _IRREGULAR.split()
_HELPING = "is are was were be been being am has have had having do does did to by as not never"
_HELPERS = frozenset(_HELPING.split())
_CONJUNCTION = re.compile(r",? (and|but|or|so) ")


Made = list[tuple[str, str, str | None]]


@dataclass(frozen=True)
class Limits:
    """What a question may be.

    Args:
        most: Texts.
        n_words: Words to tell apart.
    """

    most: int
    n_words: int


def _balanced(made: Made, rng: np.random.Generator, most: int, classes: int | None = None) -> Made:
    """As many of each label, in any order; of several labels the m commonest, m such that most texts are left."""
    by: defaultdict[str, Made] = defaultdict(list)
    for one in made:
        by[one[1]].append(one)
    ordered = sorted(by.values(), key=lambda own: (-len(own), own[0][1]))[: classes or len(by)]
    if len(ordered) < 2:
        return []
    kept = max(range(2, len(ordered) + 1), key=lambda m: (min(m * len(ordered[m - 1]), most // m * m), m))
    count = min(len(ordered[kept - 1]), most // kept)
    found = [own[int(i)] for own in ordered[:kept] for i in rng.permutation(len(own))[:count]]
    return [found[int(i)] for i in rng.permutation(len(found))]


def _even(made: Made, rng: np.random.Generator) -> Made:
    """Of each verb or noun as many texts of one label as of the other, and at most one in ten of all.

    Else a verb says which label is the likelier, and what is held out with it is answered worse than by guessing.
    """
    by: defaultdict[str | None, tuple[Made, Made]] = defaultdict(lambda: ([], []))
    first = min((label for _, label, _ in made), default="")
    for one in (made[int(i)] for i in rng.permutation(len(made))):
        by[one[2]][one[1] == first].append(one)
    sizes = {name: min(map(len, sides)) for name, sides in by.items()}
    most = max(1, sum(sizes.values()) // 10)
    return [one for name, sides in by.items() for side in sides for one in side[: min(sizes[name], most)]]


def _drawn(texts: Sequence[str], rng: np.random.Generator, most: int) -> list[str]:
    return [texts[int(i)] for i in rng.permutation(len(texts))[:most]]


def _length(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    made: Made = []
    for text in texts:
        count = len(text.split())
        low, high = next((low, high) for low, high in _BINS if low <= count <= high)
        made.append((text, f"{low} to {high}", None))
    return _balanced(made, rng, how.most)


def _word(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    own = [words(text) for text in texts]
    if len({word for found in own for word in found}) < 4 * how.n_words + 100:
        return []
    places, labels = words_asked(own, how.n_words)
    made: Made = [(texts[int(at)], label, None) for at, label in zip(places, labels, strict=True)]
    return [made[int(i)] for i in rng.permutation(len(made))[: how.most]]


def _order(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    made: Made = []
    for number, text in enumerate(_drawn(texts, rng, len(texts))):
        own = text.split()
        can = [i for i in range(1, len(own) - 1) if _may_swap(own[i], own[i + 1])]
        if not can or '"' in text:
            continue
        if number % 2:
            at = int(rng.choice(can))
            own[at], own[at + 1] = own[at + 1], own[at]
        made.append((" ".join(own), "exchanged" if number % 2 else "as it was", None))
    return _balanced(made[: how.most], rng, how.most)


def _may_swap(one: str, other: str) -> bool:
    return bool(_WORD.match(one) and _WORD.match(other)) and one.lower() != other.lower()


def _tense(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    split = [words(text) for text in texts]
    there = {word for own in split for word in own}
    form = {word: (_FORMS[i - i % 2], "past" if i % 2 else "present") for i, word in enumerate(_FORMS)}
    for past in sorted(there):  # in an order that does not hang on the hashes of this run
        for stem in (past[:-2], past[:-1]) if past.endswith("ed") and past not in form else ():
            if len(stem) > 2 and f"{stem}s" in there and {f"{stem}ing", f"{stem[:-1]}ing"} & there:
                form |= {past: (stem, "past"), f"{stem}s": (stem, "present")}
    made: Made = []
    for text, own in zip(texts, split, strict=True):
        # "is called" and "called by" say nothing of time.
        tensed = [
            form[word]
            for at, word in enumerate(own)
            if word in form and at > 0 and (own[at - 1] not in _HELPERS) and own[at + 1 : at + 2] != ["by"]
        ]
        if len({kind for _, kind in tensed}) == 1:
            made.append((text, tensed[0][1], tensed[0][0]))
    return _balanced(_even(made, rng), rng, how.most)


def _number(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    split = [words(text) for text in texts]
    after = [next((own[at + 1] for at in range(len(own) - 1) if own[at] == "the"), "") for own in split]
    there = set(after)
    made: Made = []
    for text, noun in zip(texts, after, strict=True):
        if f"{noun}s" in there and len(noun) > 2:
            made.append((text, "one", noun))
        elif noun.endswith("s") and noun[:-1] in there and len(noun) > 3:
            made.append((text, "many", noun[:-1]))
    return _balanced(_even(made, rng), rng, how.most)


def _opening(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    made: Made = [(text, text.split()[0].lower(), None) for text in texts]
    return _balanced(made, rng, how.most, _OPENINGS)


def _odd_word(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    split = [text.split() for text in texts]
    times = Counter(word.lower() for own in split for word in own if _WORD.match(word))
    little = little_words([words(text) for text in texts])
    alike: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for place in rng.permutation(len(split)):
        own = split[int(place)]
        can = [at for at, word in enumerate(own) if at and word.islower() and _WORD.match(word) and word not in little]
        can = [at for at in can if times[own[at]] >= 3]
        if can:
            at = int(rng.choice(can))
            end = next(end for end in _ENDS if own[at].endswith(end))
            alike[end, int(np.log2(times[own[at]]))].append((int(place), at))
    made: Made = []
    for bucket in alike.values():
        # Two sentences give each other their words, or both keep them: no word says by itself which it is.
        for number, ((one, at), (other, there)) in enumerate(zip(bucket[::2], bucket[1::2], strict=False)):
            first, second = split[one][at], split[other][there]
            if first == second:
                continue
            swapped = bool(number % 2)
            for place, where, word in (
                (one, at, second if swapped else first),
                (other, there, first if swapped else second),
            ):
                own = [*split[place][:where], word, *split[place][where + 1 :]]
                made.append((" ".join(own), "replaced" if swapped else "as it was", word))
    return _balanced(made, rng, how.most)


def _clauses(texts: Sequence[str], rng: np.random.Generator, how: Limits) -> Made:
    made: Made = []
    for number, text in enumerate(_drawn(texts, rng, len(texts))):
        found = list(_CONJUNCTION.finditer(text))
        if len(found) != 1:
            continue
        one, end = re.fullmatch(
            r"(.*?)([.!?]*)", text[: found[0].start()] + "\0" + text[found[0].end() :], re.DOTALL
        ).groups()  # type: ignore[union-attr]
        left, right = one.split("\0")
        if min(len(left.split()), len(right.split())) < 3:
            continue
        if number % 2:
            left, right = right[:1].upper() + right[1:], left[:1].lower() + left[1:]
        made.append((f"{left}{found[0].group()}{right}{end}", "exchanged" if number % 2 else "as it was", None))
    return _balanced(made, rng, how.most)


QUESTIONS: Mapping[str, Callable[[Sequence[str], np.random.Generator, Limits], Made]] = {
    "length": _length,
    "word": _word,
    "order": _order,
    "tense": _tense,
    "number": _number,
    "opening": _opening,
    "odd word": _odd_word,
    "clauses": _clauses,
}
