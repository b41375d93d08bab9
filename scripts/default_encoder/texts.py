"""All training texts in one fixed order: groups of near texts, shuffled, duplicates and evaluation text left out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from default_encoder import sources, variants
from default_encoder.overlap import Forbidden
from semascope.ops.wordnet import WordNet, read_wordnet

CAP = {"torch": 9000, "transformers": 9000, "sympy": 6000, "scipy": 12000, "networkx": 6000}
CAPTIONS = 30_000
SEED = 20261122


@dataclass
class Texts:
    """Texts in training order with the number of the group each belongs to.

    Args:
        texts: the texts.
        groups: for each its group.
        counts: texts per source, and sentences left out by reason.
    """

    texts: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def sampled(passages: Iterable[sources.Passage], rng: random.Random) -> Iterator[sources.Passage]:
    """At most CAP sentences of a source, spread evenly."""
    listed = list(passages)
    total: Counter[str] = Counter()
    for p in listed:
        total[p.source] += len(p.sentences)
    for p in listed:
        if rng.random() < CAP.get(p.source, 10**9) / max(total[p.source], 1):
            yield p


def clean(passages: Iterable[sources.Passage], forbidden: Forbidden, counts: Counter[str]) -> list[sources.Passage]:
    """Leave out forbidden sentences and sentences seen before; count."""
    seen: set[str] = set()
    kept = []
    for p in passages:
        good = []
        for s in p.sentences:
            if s in seen:
                continue
            seen.add(s)
            why = forbidden.why(s)
            counts[f"left out, {why}" if why else f"sentences, {p.source}"] += 1
            if not why:
                good.append(s)
        if good:
            kept.append(sources.Passage(p.source, good, p.title))
    return kept


def clean_wordnet(wordnet: WordNet, forbidden: Forbidden, counts: Counter[str]) -> WordNet:
    """Leave out forbidden glosses and examples; count."""
    for synset in wordnet.synsets.values():
        for text in (synset.gloss, *synset.examples):
            why = forbidden.why(text)
            counts[f"left out, {why}" if why else "sentences, wordnet"] += 1
            if why and text == synset.gloss:
                synset.gloss = synset.words[0]
        synset.examples = [e for e in synset.examples if not forbidden.why(e)]
    return wordnet


def all_texts(shared: Path, wordnet_folder: Path, forbidden: Forbidden) -> Texts:
    """Read, vary, shuffle by group, drop duplicates and whatever overlaps with evaluation text."""
    out = Texts()
    rng = random.Random(SEED)
    wordnet = clean_wordnet(read_wordnet(wordnet_folder), forbidden, out.counts)
    prose = clean(sources.plain_files(shared / "data" / "text"), forbidden, out.counts)
    manual = clean(sampled(sources.python_documentation(), rng), forbidden, out.counts)
    groups = [
        *variants.prose_groups(prose, wordnet, rng, 4),
        *variants.documentation_groups(manual, wordnet, rng),
        *variants.wordnet_groups(wordnet, rng),
        *variants.frame_groups(wordnet),
        *variants.caption_groups(wordnet, rng, CAPTIONS),
    ]
    rng.shuffle(groups)
    seen: set[str] = set()
    for number, group in enumerate(groups):
        for text in group:
            if text in seen or not text.strip():
                continue
            seen.add(text)
            if why := forbidden.why(text):
                out.counts[f"texts left out, {why}"] += 1
                continue
            out.texts.append(text)
            out.groups.append(number)
    out.counts["texts"] = len(out.texts)
    return out
