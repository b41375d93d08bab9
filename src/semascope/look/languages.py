"""Which languages texts are in, told offline by script, little words, letters and endings; and whether an encoder knows them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from semascope.errors import InputError
from semascope.look.found import Languages
from semascope.look.tongues import ALSO, LATIN, LETTERS, LISTS, OFTEN, PIECES
from semascope.ops import texts as checked_texts
from semascope.ops.words import words
from semascope.types import Array

_READ = 1000  # characters of a text that are read
_SURE = 2.0  # log-odds of the best language over the next
_HIT, _FALL = 0.06, 0.6  # chance of the commonest little word, and how the chance falls with rank
_CONTENT = 0.001  # chance of a word that is in no list
_MISS = 0.85  # what is left of a language's chance for a word that is not in its list
_STRANGE = 3.0  # log-odds against a language for each letter that it does not have
_BARE = 3.0  # log-odds at most against a language of whose own letters a text has none: many write without
_PIECE = 0.35  # log-odds for each piece of a word that is the language's
_RARE = float(np.log(1e-3))  # log-odds of a language that no text of the corpus tells by itself
_HEARD = 0.02  # of the texts in a language, for the encoder to be asked about it
_WHOLE = 0.8  # of a language's commonest words one token each, where an encoder knows it
_LETTERS_EACH, _LETTERS_SPACED = (
    1.15,
    1.7,
)  # characters to a token below which a text is read by letters: Han and kana, others
_MIXED = 0.6  # of the letters in one script, for the text to be in a language of that script

_SHARED = frozenset("abcdefghijklmnopqrstuvwxyzабвгдежзклмнопрстуфхцчш0123456789") | {
    chr(c) for c in range(0x600, 0x980)
} - set("پچژگکیٹڈڑںےھہळ")

# First and last character of the scripts that are told apart, and the language of those that write one.
_SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x24F, "latin"),
    (0x1E00, 0x1EFF, "latin"),
    (0x370, 0x3FF, "el"),
    (0x1F00, 0x1FFF, "el"),
    (0x400, 0x52F, "cyrillic"),
    (0x531, 0x58F, "hy"),
    (0x591, 0x5F4, "he"),
    (0x600, 0x6FF, "arabic"),
    (0x750, 0x77F, "arabic"),
    (0xFB50, 0xFEFC, "arabic"),
    (0x900, 0x97F, "devanagari"),
    (0x980, 0x9FF, "bn"),
    (0xA00, 0xA7F, "pa"),
    (0xA80, 0xAFF, "gu"),
    (0xB00, 0xB7F, "or"),
    (0xB80, 0xBFF, "ta"),
    (0xC00, 0xC7F, "te"),
    (0xC80, 0xCFF, "kn"),
    (0xD00, 0xD7F, "ml"),
    (0xD80, 0xDFF, "si"),
    (0xE00, 0xE7F, "th"),
    (0xE80, 0xEFF, "lo"),
    (0xF00, 0xFFF, "bo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0xAC00, 0xD7AF, "ko"),
    (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x3041, 0x30FF, "kana"),
    (0x31F0, 0x31FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xF900, 0xFAFF, "han"),
    (0x20000, 0x3FFFF, "han"),
)
_WRITE = {
    "latin": tuple(LATIN),
    "cyrillic": ("ru", "uk", "be", "bg", "sr", "mk"),
    "arabic": ("ar", "fa", "ur"),
    "devanagari": ("hi", "mr", "ne"),
}


def language_of(text: str) -> str:
    """The language of one text, as an ISO 639-1 code; "" where it cannot be told.

    A script that one language writes tells it. Languages of one script are weighed by naive Bayes: little words by how common
    they are, letters that a language does not write, pieces of words. The best has to be seven times as likely as the next
    (log-odds 2). Short texts, names, code and mixed texts cannot be told.

    Args:
        text: Its first thousand characters are read.
    """
    return _likeliest(_scores(text), {})


def find_languages(texts: Sequence[str], encoder: Any = None, langs: Sequence[str | None] | None = None) -> Languages:
    """The language of each text, how many there are of each, and whether the encoder knows them.

    Args:
        texts: n of them.
        encoder: What made their vectors; asked how it cuts up the commonest words of each language that 2 of 100 texts are in.
            An encoder that knows a language reads them whole: the bundled one and all-MiniLM 100 % of English ones, 35 to
            63 % of those of seven other European languages, whose similarities they order worse by 0.14 to 0.3 of rank
            correlation. None: nothing is said of it.
        langs: As the source has them, one a text; where it has none ("" or None) the language is told from the text.

    Raises:
        InputError: not one language for each text.
    """
    held = checked_texts(texts)
    if langs is not None and len(langs) != len(held):
        raise InputError(f"langs: want one for each of {len(held):,} texts, got {len(langs):,}")
    told = [_known(lang) for lang in langs] if langs is not None else [""] * len(held)
    given = sum(map(bool, told))
    scores = [{known: 0.0} if known else _scores(text) for known, text in zip(told, held, strict=True)]
    prior = _prior(scores)
    of = [_likeliest(score, prior) for score in scores]
    counts = dict(sorted(Counter(code for code in of if code).items(), key=lambda item: (-item[1], item[0])))
    unknown = len(held) - sum(counts.values())
    how = "the source's own, where it has them; else " if given else ""
    says = (
        f"Languages are {how}told by script, little words, letters and endings; {unknown:,} of {len(held):,} texts cannot be "
        "told, being short, mixed, or in no language that is known here."
    )
    return Languages(of, counts, _warning(encoder, counts, held, of) if encoder is not None else "", says)


def _known(lang: str | None) -> str:
    """A language code in its shortest form: "en" of "en-GB", "EN_us"."""
    return re.split(r"[-_]", lang.strip().lower())[0] if lang else ""


def _scripts(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for character, times in Counter(text).items():
        if character.isalpha():
            found[_script(ord(character))] += times
    return found


@cache
def _script(code: int) -> str:
    return next((name for first, last, name in _SCRIPTS if first <= code <= last), "other")


@cache
def _chances() -> Mapping[str, Mapping[str, float]]:
    """For each little word the log-odds it gives to each language over a word that is in no list."""
    found: dict[str, dict[str, float]] = {}
    for code, listed in LISTS.items():
        for rank, word in enumerate(listed):
            found.setdefault(word, {})[code] = float(np.log(_HIT / (1 + rank) ** _FALL / _CONTENT))
    return found


@cache
def _pieces(code: str) -> re.Pattern[str]:
    return re.compile(PIECES[code].replace("?", ""))


def _scores(text: str) -> dict[str, float]:
    """Log-odds of each language that the text may be in; one of them where its script tells, none where nothing does."""
    text = unicodedata.normalize("NFC", text[:_READ])
    scripts = _scripts(text)
    total = sum(scripts.values())
    if not total:
        return {}
    if scripts["kana"] and scripts["kana"] + scripts["han"] >= _MIXED * total:
        # Chinese has no kana; Japanese has some in all but the shortest texts.
        return {"ja" if scripts["kana"] >= 0.05 * total else "zh": 0.0}
    script, count = scripts.most_common(1)[0]
    if count < _MIXED * total or script == "other":
        return {}
    if script in _WRITE:
        return _weighed(text, _WRITE[script])
    return {"zh" if script == "han" else script: 0.0}


def _weighed(text: str, codes: Sequence[str]) -> dict[str, float]:
    """Log-odds of languages of one script: 0 for one that nothing in the text speaks for."""
    found = words(text)
    chances = _chances()
    strange = {letter for letter in set("".join(found)) if letter not in _SHARED and letter.isalpha()}
    padded = f" {' '.join(found)} "
    shown, length = set(padded), sum(map(len, found))
    miss = float(np.log(_MISS))
    hits = [chances[word] for word in dict.fromkeys(found) if word in chances]
    score: dict[str, float] = {}
    for code in codes:
        words_of = sum(hit.get(code, miss) for hit in hits)
        letters = _STRANGE * sum(letter not in LETTERS[code] + ALSO.get(code, "") for letter in strange)
        pieces = _PIECE * len(_pieces(code).findall(padded)) if code in PIECES else 0.0
        bare = shown.isdisjoint(LETTERS[code])
        missing = min(_BARE, OFTEN.get(code, 0.0) / 100 * length) if bare else 0.0
        score[code] = words_of - letters + pieces - missing
    return score


def _likeliest(score: Mapping[str, float], prior: Mapping[str, float]) -> str:
    """The language that is likelier than any other by far, "" where none is."""
    if len(score) < 2:
        return next(iter(score), "")
    ranked = sorted(((value + prior.get(code, 0.0), code) for code, value in score.items()), reverse=True)
    (first, best), (second, _) = ranked[:2]
    # Whatever the corpus is in, something in the text has to speak for the language itself.
    return best if first - second >= _SURE and score[best] >= max(score.values()) - _SURE and score[best] > 0 else ""


def _prior(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Log-odds that the corpus gives each language: from the texts that tell theirs by themselves."""
    told = Counter(_likeliest(score, {}) for score in scores if len(score) > 1)
    told.pop("", None)
    total = sum(told.values())
    return {code: float(np.log((times + 1) / (total + 1))) - _RARE for code, times in told.items()} if total else {}


def _warning(encoder: Any, counts: Mapping[str, int], held: Sequence[str], of: Sequence[str]) -> str:
    """What of the texts the encoder hardly knows, by how it cuts the commonest words of their languages."""
    tokens = _tokens(encoder)
    if tokens is None:
        return ""
    least = max(2, _HEARD * len(held))
    found: list[str] = []
    texts = 0
    for code, count in counts.items():
        said = (
            ""
            if count < least
            else _cut_up(tokens, code, [text for text, told in zip(held, of, strict=True) if told == code])
        )
        if said:
            found.append(said)
            texts += count
    if not found:
        return ""
    return (
        f"The encoder hardly fits {texts:,} of {len(held):,} texts: {'; '.join(found)}. What was measured with them is worth less "
        "than with texts in a language that it knows."
    )


def _cut_up(tokens: Callable[[Sequence[str]], Array], code: str, texts: Sequence[str]) -> str:
    """How the encoder cuts a language up, "" where it reads it as it should."""
    listed = [word for word in LISTS.get(code, ()) if len(word) > 1]
    if listed:
        whole = float((tokens(listed) == 1).mean())
        return f"of the commonest words of {code} it reads {whole:.0%} whole" if whole < _WHOLE else ""
    some = [text[:_READ] for text in texts[:: max(1, len(texts) // 50)]]
    per = sum(map(len, some)) / max(1, int(tokens(some).sum()))
    wanted = _LETTERS_EACH if code in ("zh", "ja") else _LETTERS_SPACED
    return f"{code} it reads almost letter by letter ({per:.1f} characters to a token)" if per < wanted else ""


def _tokens(encoder: Any) -> Callable[[Sequence[str]], Array] | None:
    """What counts an encoder's tokens of texts, without special ones; None where it does not show them."""
    tried: tuple[Any, ...] = (encoder, getattr(encoder, "backbone", None))
    for one in tried:
        if hasattr(one, "tokenize"):
            return lambda texts: one.tokenize(texts, special=False).lengths
        if hasattr(one, "states"):
            return lambda texts: one.states(texts).lengths
    return None
