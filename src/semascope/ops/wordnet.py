"""WordNet's database files, as Debian's wordnet-base brings them: synsets with their words, glosses, examples and neighbours."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path("/usr/share/wordnet")  # where wordnet-base puts it
PARTS = ("noun", "verb", "adj", "adv")
MARK = re.compile(r"\((?:a|p|ip)\)$")


@dataclass
class Synset:
    """One meaning: its words, gloss, examples, what it is a kind of and what is a kind of it."""

    part: str
    words: list[str]
    gloss: str
    examples: list[str]
    lexfile: int
    up: list[str] = field(default_factory=list[str])
    down: list[str] = field(default_factory=list[str])


@dataclass
class WordNet:
    """All synsets by key, the senses of each (part, word) in order of frequency, counts, irregular forms, frames."""

    synsets: dict[str, Synset]
    senses: dict[tuple[str, str], list[str]]
    counts: Counter[tuple[str, str]]
    irregular: dict[str, dict[str, list[str]]]
    frames: list[tuple[str, str]]

    def common(self, part: str, least: int, lexfiles: tuple[int, ...] = ()) -> list[str]:
        """Single words of a part of speech seen at least so often, first sense in one of the lexicographer files."""
        found = []
        for (p, word), keys in self.senses.items():
            fits = p == part and word.isalpha() and self.counts[p, word] >= least
            if fits and (not lexfiles or self.synsets[keys[0]].lexfile in lexfiles):
                found.append(word)
        return sorted(found)

    def near(self, part: str, word: str) -> list[str]:
        """Other words for the first sense, and words for its siblings."""
        keys = self.senses.get((part, word))
        if not keys:
            return []
        synset = self.synsets[keys[0]]
        found = [w for w in synset.words if w != word]
        for up in synset.up:
            for sibling in self.synsets[up].down[:40]:
                found.extend(self.synsets[sibling].words[:1])
        return [w for w in dict.fromkeys(found) if w != word]


def gloss_and_examples(text: str) -> tuple[str, list[str]]:
    """Part the gloss field into the definition and its quoted examples."""
    examples = [e.strip(" ;,") for e in re.findall(r'"([^"]+)"', text)]
    gloss = re.sub(r'"[^"]*"(\s*-\s*[^;"]*)?', "", text)
    return re.sub(r"\s+", " ", gloss).strip(" ;:,"), [e for e in examples if len(e.split()) > 1]


LETTERS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
_TYPES = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


def read_wordnet(folder: Path) -> WordNet:
    """Parse data.*, index.*, *.exc, cntlist.rev and the verb frames."""
    synsets: dict[str, Synset] = {}
    for part in PARTS:
        for line in lines(folder / f"data.{part}"):
            offset, synset = read_synset(part, line)
            synsets[LETTERS[part] + offset] = synset
    for synset in synsets.values():
        synset.up = [key.replace("s", "a", 1) for key in synset.up if key.replace("s", "a", 1) in synsets]
        synset.down = [key for key in synset.down if key in synsets]
    senses: dict[tuple[str, str], list[str]] = {}
    for part in PARTS:
        for line in lines(folder / f"index.{part}"):
            f = line.split()
            senses[part, f[0].replace("_", " ")] = [LETTERS[part] + offset for offset in f[-int(f[2]) :]]
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines(folder / "cntlist.rev"):
        key, _, tags = line.split()
        word, rest = key.split("%")
        counts[_TYPES[rest[0]], word.replace("_", " ")] += int(tags)
    irregular = {part: read_irregular(folder / f"{part}.exc") for part in ("noun", "verb")}
    return WordNet(synsets, senses, counts, irregular, read_frames(folder))


def lines(file: Path) -> list[str]:
    """The lines of a file without the licence at its head."""
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("  ")]


def read_synset(part: str, line: str) -> tuple[str, Synset]:
    """One line of data.*: its offset, and what it says."""
    head, _, text = line.partition("|")
    f = head.split()
    n = int(f[3], 16)
    words = [MARK.sub("", w).replace("_", " ") for w in f[4 : 4 + 2 * n : 2]]
    gloss, examples = gloss_and_examples(text)
    synset = Synset(part, words, gloss, examples, int(f[1]))
    at = 4 + 2 * n
    for k in range(int(f[at])):
        symbol, offset, pos = f[at + 1 + 4 * k : at + 4 + 4 * k]
        if symbol in ("@", "@i", "&"):
            synset.up.append(pos + offset)
        elif symbol in ("~", "~i"):
            synset.down.append(pos + offset)
    return f[0], synset


def read_irregular(file: Path) -> dict[str, list[str]]:
    """Irregular forms of each base form."""
    table: dict[str, list[str]] = {}
    for line in lines(file):
        form, base = line.split()[:2]
        table.setdefault(base, []).append(form)
    return table


def read_frames(folder: Path) -> list[tuple[str, str]]:
    """(verb, sentence with a place for it)."""
    sentences = {}
    for line in lines(folder / "sents.vrb"):
        number, _, text = line.partition(" ")
        sentences[number] = text.strip()
    found: list[tuple[str, str]] = []
    for line in lines(folder / "sentidx.vrb"):
        key, _, numbers = line.partition(" ")
        verb = key.split("%")[0].replace("_", " ")
        found.extend((verb, sentences[n]) for n in numbers.replace(" ", "").split(",") if n in sentences)
    return found
