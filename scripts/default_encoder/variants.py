"""Make new texts from permitted ones: small edits, fragments, passages, captions, questions, phrases.

Groups matter: the texts of one group differ little, and are trained on together, so that the student learns fine
differences and not only which texts have nothing in common.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from default_encoder.inflections import ing, plural
from default_encoder.sources import Passage
from semascope.ops.wordnet import WordNet

Group = list[str]
_WORD = re.compile(r"[A-Za-z]+")
_LIGHT = {
    "the",
    "a",
    "an",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "being",
    "has",
    "have",
    "had",
    "do",
    "does",
    "did",
    "of",
    "that",
    "which",
    "this",
    "these",
    "those",
    "its",
    "his",
    "her",
    "their",
    "our",
    "my",
    "your",
    "will",
    "would",
    "shall",
    "should",
    "may",
    "might",
    "can",
    "could",
    "must",
    "very",
    "just",
    "also",
    "there",
    "it",
}
_PEOPLE = ("man", "woman", "boy", "girl", "child", "person", "dog", "cat", "player", "baby", "horse", "bird")


def article(noun: str) -> str:
    """The noun with 'a' or 'an'."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def replaced(text: str, wordnet: WordNet, rng: random.Random, times: int = 1) -> str | None:
    """The text with some nouns, verbs or adjectives exchanged for a synonym or a sibling in WordNet."""
    spots = [m for m in _WORD.finditer(text) if len(m[0]) > 2 and m[0].lower() not in _LIGHT]
    rng.shuffle(spots)
    done: list[tuple[int, int, str]] = []
    for spot in spots:
        word = spot[0].lower()
        for part, many in (("noun", False), ("verb", False), ("adj", False), ("noun", True)):
            base = word[:-1] if many and word.endswith("s") else word
            if many and base == word:
                continue
            known = sorted((wordnet.counts[p, base], p) for p in ("noun", "verb", "adj") if (p, base) in wordnet.senses)
            if not known or known[-1][1] != part:
                continue
            near = [w for w in wordnet.near(part, base) if _WORD.fullmatch(w.replace(" ", ""))]
            if near:
                new = near[min(int(rng.expovariate(0.15)), len(near) - 1)]
                new = plural(wordnet, new) if many else new
                done.append((spot.start(), spot.end(), new.capitalize() if spot[0][0].isupper() else new))
                break
        if len(done) == times:
            break
    for start, end, new in sorted(done, reverse=True):
        text = text[:start] + new + text[end:]
    return text if done else None


def dropped(text: str, rng: random.Random) -> str | None:
    """The text without one word in six."""
    words = text.split()
    kept = [w for w in words if rng.random() > 1 / 6]
    return " ".join(kept) if 2 < len(kept) < len(words) else None


def headline(text: str) -> str | None:
    """The text without articles, auxiliaries and the like."""
    words = [w for w in text.rstrip(".").split() if w.lower() not in _LIGHT]
    return " ".join(words[:12]) if len(words) > 3 else None


def turned(text: str, rng: random.Random) -> str | None:
    """Numbers changed, or a negation put in, or the clauses around a comma exchanged."""
    if re.search(r"\d", text):
        return re.sub(r"\d+", lambda m: str(rng.randrange(1, 10 ** min(len(m[0]), 6))), text)
    if m := re.search(r"\b(is|are|was|were|will|can|could|has|have)\b", text):
        return f"{text[: m.end()]} not{text[m.end() :]}"
    head, comma, tail = text.rstrip(".").partition(", ")
    return f"{tail}, {head}." if comma and tail else None


def fragments(text: str) -> list[str]:
    """Clauses of a sentence."""
    parts = re.split(
        r"[,;:] (?:and |but |or |which |who |that )?| (?:because|although|while|when|where|which) ", text.rstrip(".")
    )
    return [p for p in parts if len(p.split()) > 2] if len(parts) > 1 else []


def edits(text: str, wordnet: WordNet, rng: random.Random, n: int) -> Group:
    """A text and up to n small edits of it."""
    makers = (
        lambda: replaced(text, wordnet, rng),
        lambda: replaced(text, wordnet, rng, 2),
        lambda: dropped(text, rng),
        lambda: headline(text),
        lambda: turned(text, rng),
        lambda: rng.choice(fragments(text) or [None]),
    )
    weights = (4, 2, 1, 1, 1, 2)
    found = [m() for m in rng.choices(makers, weights, k=n)]
    return [text, *(t for t in found if t)]


def prose_groups(passages: list[Passage], wordnet: WordNet, rng: random.Random, n: int) -> Iterator[Group]:
    """Sentences with their edits, and now and then a longer passage with its parts."""
    for passage in passages:
        for sentence in passage.sentences:
            yield edits(sentence, wordnet, rng, n)
        length = rng.randint(2, 6)
        for start in range(0, len(passage.sentences) - 1, length):
            part = passage.sentences[start : start + length]
            if len(part) > 1:
                text = " ".join(" ".join(part).split()[:150])
                yield [text, f"{passage.title}. {text}" if passage.title and rng.random() < 0.3 else part[0]]


def documentation_groups(passages: list[Passage], wordnet: WordNet, rng: random.Random) -> Iterator[Group]:
    """Summaries with their names and as questions, other sentences plain or edited."""
    for passage in passages:
        summary, *rest = passage.sentences
        group = [summary]
        if passage.title:
            group.append(f"{passage.title}: {summary}")
            group.append(" ".join(passage.title.replace("_", " ").split(".")[-2:]))
        first = summary.split()[0].lower()
        verb = first[:-1] if first.endswith("s") and ("verb", first[:-1]) in wordnet.senses else first
        if ("verb", verb) in wordnet.senses and len(summary.split()) < 16:
            tail = " ".join(summary.rstrip(".").split()[1:])
            group.append(f"{rng.choice(['how do I', 'how to', 'how can I', 'a way to', 'I want to'])} {verb} {tail}")
        yield group
        for sentence in rest:
            yield edits(sentence, wordnet, rng, int(rng.random() < 0.3))
        if len(rest) > 1 and rng.random() < 0.5:
            yield [" ".join(f"{passage.title} {' '.join(passage.sentences[:6])}".split()[:120])]


def wordnet_groups(wordnet: WordNet, rng: random.Random) -> Iterator[Group]:
    """Per synset: gloss, word with gloss, examples with edits; related words; questions."""
    for synset in wordnet.synsets.values():
        name = synset.words[0]
        group = [synset.gloss]
        form = rng.choice(["{w}: {g}", "{w} is {g}", "{w} means {g}", "{w}, {g}", "{w} - {g}"])
        if rng.random() < 0.6:
            group.append(form.format(w=rng.choice(synset.words), g=synset.gloss))
        if rng.random() < 0.35 and len(synset.gloss.split()) > 4:
            group.extend(edits(synset.gloss, wordnet, rng, 1)[1:])
        yield group
        for example in synset.examples:
            yield edits(example, wordnet, rng, 3)
        words = [*synset.words, *(wordnet.synsets[u].words[0] for u in synset.up[:1])]
        if len(words) > 1 and rng.random() < 0.4:
            rng.shuffle(words)
            yield [" ".join(words[:3]), *words[:3]]
        elif rng.random() < 0.15:
            yield [f"{rng.choice(['what is', 'what does it mean,', 'the meaning of', 'tell me about'])} {name}", name]
        else:
            yield [*synset.words[:2]]


def frame_groups(wordnet: WordNet) -> Iterator[Group]:
    """WordNet's own sentence frames with the verb put in."""
    by_frame: dict[str, list[str]] = {}
    for verb, frame in wordnet.frames:
        # Frames with an inflected slot ("%ss", "%sing") come out right for regular verbs only.
        text = frame.replace("%sing", ing(wordnet, verb)).replace("%s", verb)
        by_frame.setdefault(frame, []).append(text)
    for texts in by_frame.values():
        for start in range(0, len(texts), 6):
            yield texts[start : start + 6]


def caption_groups(wordnet: WordNet, rng: random.Random, n: int) -> Iterator[Group]:
    """Short scenes ("a man is peeling an apple"), each with neighbours that differ in one place."""
    people = wordnet.common("noun", 2, (18,))
    animals = wordnet.common("noun", 1, (5,))
    things = wordnet.common("noun", 2, (6, 13, 20, 17)) + wordnet.common("noun", 0, (13,))[::6]
    places = wordnet.common("noun", 5, (15, 6, 17))
    verbs = wordnet.common("verb", 1, (29, 30, 34, 35, 36, 38, 39, 33, 40))
    adjectives = wordnet.common("adj", 8)
    forms = (
        "A {s} is {v} {o}.",
        "The {s} is {v} the {o0}.",
        "{s2} are {v} {o}.",
        "A {a} {s} {v} {o}.",
        "A {s} {v} in the {p}.",
        "A {s} is {v} near {o}.",
        "A {a} {s} with {o} is {v}.",
        "There is {o} in the {p}.",
        "The {o0} is {a}.",
        "A {s} and {o} in a {p}.",
        "Two {s2} {v} by the {p}.",
        "A {a} {o0} on a {p}.",
        "Someone is {v} {o}.",
        "{s0} {v} {a} {o0}",
        "A {s} is not {v} {o}.",
        "The {s} was {v} on the {a} {p}.",
    )
    for _ in range(n):
        form = rng.choice(forms)

        def subject() -> str:
            return rng.choice(_PEOPLE) if rng.random() < 0.5 else rng.choice(people if rng.random() < 0.7 else animals)

        slots = {
            "s": subject(),
            "v": rng.choice(verbs),
            "o": rng.choice(things),
            "a": rng.choice(adjectives),
            "p": rng.choice(places),
        }
        group = []
        for change in (None, *rng.sample("svoap", 3)):
            now = dict(slots)
            if change == "s":
                now["s"] = subject()
            elif change:
                part = {"v": "verb", "a": "adj"}.get(change, "noun")
                near = [w for w in wordnet.near(part, now[change]) if w.isalpha()]
                now[change] = (
                    rng.choice(near)
                    if near and rng.random() < 0.6
                    else rng.choice({"v": verbs, "o": things, "a": adjectives, "p": places}[change])
                )
            other = form if change != "p" or rng.random() < 0.5 else rng.choice(forms)
            text = other.format(
                s=now["s"],
                s0=now["s"],
                s2=plural(wordnet, now["s"]),
                v=ing(wordnet, now["v"]),
                o=article(now["o"]),
                o0=now["o"],
                a=now["a"],
                p=now["p"],
            )
            group.append(text[0].upper() + text[1:])
        yield group
