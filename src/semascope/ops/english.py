"""What edits and rewordings know of English: its little words, verbs that begin commands, articles, and how words are found and replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A word, with its apostrophe where it has one; "#39;" is what a careless export leaves of an apostrophe.
TOKEN = re.compile(r"[^\W_]+(?:(?:['’]|\s#39;)[^\W_]+)*")
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[^\W_])|\n\s*\n|(?<=[。！？])")
ABBREVIATED = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|cf|mr|mrs|ms|dr|st|gov|sen|inc|corp|co|ltd|no|u\.s|u\.n|[a-z])\.$", re.I
)

_ARTICLE = re.compile(r"\b([Aa])n?(\s+)$")
# Words that begin with a vowel in writing and not in speech, and the other way round.
_LIKE_YOU = re.compile(
    r"eu|ewe|one\b|once|uni(?:[cflopqtvx]|dir|s[eo]|$)|us[eu]|ut[aeio]|u(?:biq|fo\b|gan|kr|ral|ran|rin|rol|rug)"
)
_SILENT = re.compile(r"hour|honest|honou?r|heir")


def listed(text: str) -> tuple[str, ...]:
    """Words of a list as it is written here, with spaces between."""
    return tuple(text.split())


PREPOSITIONS = frozenset(
    listed("""about above across after against along among around as at before behind below beneath beside between beyond by
    despite down during for from in inside into like near of off on onto out outside over per past since than through throughout
    till to toward towards under until unto up upon via while with within without""")
)
DETERMINERS = frozenset(
    listed("a an the his her its their our my your this that these those some any each every another")
)
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
CLAUSE = frozenset(
    listed("""and or but nor so yet if when whenever where whereas while because since although though unless until that which who
    whom whose what how why then else""")
)
PRONOUNS = frozenset(
    listed("""i you he she it we they me him us them himself herself itself themselves there here who which what something
    someone anything everyone everything nobody""")
)
BE = frozenset(listed("is are was were am be been being"))
MODALS = frozenset(listed("can could will would shall should must may might"))
AUXILIARIES = BE | MODALS | frozenset(listed("has have had do does did"))
LITTLE = (
    PREPOSITIONS | DETERMINERS | CLAUSE | PRONOUNS | AUXILIARIES | frozenset(listed("not no never only just also very"))
)

# Verbs with which commands and documentation begin.
COMMANDS = frozenset(
    listed("""accept add adjust allow append apply assign attach attempt block break build cache calculate call cancel cast change
    check clear close collect combine compare compile compute configure connect construct contain convert copy count create cut decode
    decrease delete destroy determine disable discard disconnect display divide do download draw emit enable encode enter
    ensure evaluate exclude execute exit expand extract fetch fill filter find finish flush follow force format
    generate get give handle hide ignore implement import include increase increment indicate initialize insert inspect install
    invoke iterate join keep launch leave let list load lock log look lower make map mark match measure merge modify
    move multiply normalize notify obtain open override pack parse pass perform pop prepare preserve prevent print
    process produce provide pull push put quit raise read receive recompute record redirect reduce refresh register
    release reload remove rename render reorder replace report represent request require reset resize resolve restart restore
    resume retrieve return reverse rotate run save scan search select send serialize serve set show shut shuffle
    skip sort split start stop store strip submit suspend switch take terminate test throw track transform translate
    truncate try turn undo unlock unpack unregister update use validate verify wait wrap write yield""")
)


@dataclass(frozen=True)
class Word:
    """A word where it stands: `text[start:stop]`, and the same without capitals."""

    start: int
    stop: int
    text: str

    @property
    def low(self) -> str:
        """Without capitals."""
        return self.text.lower()

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[:1].isupper()


def found(text: str) -> list[Word]:
    """The words of a text in order."""
    return [Word(*match.span(), match[0]) for match in TOKEN.finditer(text)]


def replaced(text: str, start: int, stop: int, new: str) -> str:
    """The text with another piece in that place; a capital at the beginning of the text stays one."""
    if start == len(text) - len(text.lstrip()) and text[start : start + 1].isupper():
        new = capitalised(new)
    return text[:start] + new + text[stop:]


def fitted(text: str, start: int, stop: int, new: str) -> str:
    """As `replaced`, and "a" or "an" before the new piece put right."""
    before = article(text, start, new)
    text = replaced(text, start, stop, new)
    return text if before is None else text[: before[0]] + before[2] + text[before[1] :]


def article(text: str, start: int, new: str) -> tuple[int, int, str] | None:
    """The "a" or "an" before that place that does not fit a new word there, as (start, stop, what it must be); None where all is well."""
    before = _ARTICLE.search(text, max(0, start - 6), start)
    if before is None:
        return None
    right = before[1] + ("n" if vowel(new) else "") + before[2]
    return None if right == before[0] else (*before.span(), right)


def vowel(word: str) -> bool:
    """Whether a word begins with a vowel in speech, as far as its letters tell: "an hour", "a union", "an XML file", "a URL"."""
    first = re.split(r"[^\w]", word, maxsplit=1)[0]
    if len(first) > 1 and first.isupper() and not re.match("[^AEIOUY][AEIOUY]", first):
        return first[0] in "AEFHILMNORSX"  # spelled out, by the names of its letters
    low = word.lower()
    return bool(_SILENT.match(low)) or (low[:1] in tuple("aeiouáàâäåæéèêëíîïóôöøúü") and not _LIKE_YOU.match(low))


def capitalised(text: str) -> str:
    """With a capital first letter, the rest as it was."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """With a small first letter, unless its first word is a name in capitals ("URL"), or "I"."""
    first = text.split(" ", 1)[0]
    return text if first == "I" or (len(first) > 1 and first.isupper()) else text[:1].lower() + text[1:]


def third(verb: str) -> str:
    """The form for he, she and it: "returns", "catches", "tries"."""
    known = {"have": "has", "do": "does", "be": "is", "go": "goes"}
    if verb in known:
        return known[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return verb + "es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


THIRDS = {third(verb): verb for verb in COMMANDS}


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text with their white space evened out, as far as full stops, question marks and blank lines tell."""
    held = ""
    for part in _END.split(text):
        even = " ".join(part.split())
        if not even:
            continue
        held = f"{held} {even}" if held else even
        if not ABBREVIATED.search(held):
            yield held
            held = ""
    if held:
        yield held


def reads(sentence: str, *, least: int = 4, most: int = 40) -> bool:
    """Whether it looks like a sentence: so many words, and eight of ten characters letters, white space or digits."""
    count = len(TOKEN.findall(sentence))
    plain = sum(c.isalnum() or c.isspace() for c in sentence)
    code = re.search(r"[{}<>=|\\\[\]`]|::|->|__", sentence)
    return least <= count <= most and plain >= 0.8 * len(sentence) and not code
