"""Words that mean the same: WordNet where Debian's wordnet-base is installed, else a small list of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from semascope.errors import MissingExtraError
from semascope.ops.wordnet import FOLDER, LETTERS, MARK, PARTS, lines

# Words that the second may stand for nearly wherever they stand, whatever else WordNet says that they mean. Verbs are regular, but for "hold" and "make".
_SURE: Mapping[str, str] = {
    "noun": """car>automobile automobile>car doctor>physician physician>doctor lawyer>attorney attorney>lawyer movie>film
        photograph>photo photo>photograph illness>sickness sickness>illness garbage>rubbish rubbish>garbage
        aeroplane>airplane airplane>aeroplane mistake>error couch>sofa sofa>couch kid>child
        outcome>result quantity>amount teacher>instructor instructor>teacher technique>method procedure>method
        bicycle>bike bike>bicycle television>tv tv>television telephone>phone autumn>fall forest>woodland
        woman>lady guy>man boy>lad baby>infant infant>baby puppy>pup policeman>cop nation>country corporation>company
        company>firm employee>worker investigation>study region>area area>region velocity>speed vicinity>neighbourhood
        location>position characteristic>feature objective>aim assumption>supposition difficulty>problem
        conclusion>finding magnitude>size attempt>effort decrease>reduction folder>directory boundary>border
        mankind>humanity remainder>rest advertisement>ad correctness>accuracy beginning>start boat>vessel""",
    "verb": """assist>help obtain>acquire acquire>obtain require>need gather>collect collect>gather
        create>make employ>use utilize>use utilise>use inform>notify notify>inform attempt>try enlarge>expand
        reside>live delete>remove modify>change alter>change terminate>end examine>inspect
        inspect>examine calculate>compute compute>calculate contain>hold commence>start conclude>end
        demonstrate>illustrate illustrate>demonstrate investigate>examine assume>suppose describe>depict
        suggest>indicate seem>appear generate>produce shout>yell yell>shout announce>declare
        declare>announce verify>check gaze>look stroll>walk journey>travel preserve>maintain
        chop>hack prevent>avert exclude>omit retrieve>fetch""",
    "adj": """large>big big>large rapid>quick quick>rapid difficult>hard incorrect>wrong wealthy>rich
        glad>happy happy>glad entire>whole huge>enormous enormous>huge famous>renowned renowned>famous
        modern>contemporary essential>crucial crucial>essential rare>uncommon uncommon>rare adequate>sufficient
        sufficient>adequate additional>extra principal>main previous>prior numerous>many various>different
        beautiful>lovely lovely>beautiful important>significant appropriate>suitable suitable>appropriate
        precise>exact exact>precise primary>main complicated>complex strange>odd silent>quiet
        dangerous>hazardous specific>particular usual>customary final>last vacant>empty""",
    "adv": """quickly>rapidly rapidly>quickly often>frequently frequently>often rarely>seldom seldom>rarely
        perhaps>maybe maybe>perhaps almost>nearly nearly>almost approximately>roughly roughly>approximately
        afterwards>later usually>normally normally>usually immediately>instantly instantly>immediately
        entirely>completely completely>entirely mainly>mostly mostly>mainly extremely>highly currently>presently
        previously>earlier simultaneously>concurrently generally>usually particularly>especially
        especially>particularly therefore>thus thus>therefore however>nevertheless nevertheless>however
        moreover>furthermore furthermore>moreover""",
}
_IRREGULAR: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "noun": {"child": ("children",), "man": ("men",), "woman": ("women",)},
    "verb": {"hold": ("held",), "make": ("made",)},
}


@dataclass(frozen=True, eq=False)
class Thesaurus:
    """Meanings of words, and the words of a meaning.

    Args:
        says: What it is, in words.
        meanings: (part of speech, word in lower case) -> its meanings, the commonest first.
        of: The words of one meaning, as they are written.
        bases: By part of speech, irregular forms and the base of each.
        forms: By part of speech, bases and their irregular forms.
        sure: The (part of speech, word) whose one meaning here is to be taken, whatever other meanings the word has.
    """

    says: str
    meanings: Mapping[tuple[str, str], tuple[str, ...]]
    of: Callable[[str], tuple[str, ...]]
    bases: Mapping[str, Mapping[str, str]]
    forms: Mapping[str, Mapping[str, tuple[str, ...]]]
    sure: frozenset[tuple[str, str]] = frozenset()


def thesaurus() -> Thesaurus:
    """WordNet, where it is installed, with the small list before it; else the small list alone."""
    return _together() if FOLDER.is_dir() else small_thesaurus()


@cache
def small_thesaurus() -> Thesaurus:
    """Some two hundred words with one that may stand for each, of our own."""
    groups: dict[str, tuple[str, ...]] = {}
    meanings: dict[tuple[str, str], tuple[str, ...]] = {}
    for part, listed in _SURE.items():
        for pair in listed.split():
            word, other = pair.split(">")
            groups[f"{part} {word}"] = (word, other)
            meanings[part, word] = (f"{part} {word}",)
    bases = {part: {form: base for base, own in forms.items() for form in own} for part, forms in _IRREGULAR.items()}
    return Thesaurus("a small list of synonyms", meanings, groups.__getitem__, bases, _IRREGULAR, frozenset(meanings))


@cache
def _together() -> Thesaurus:
    own, big = small_thesaurus(), wordnet_thesaurus()

    def of(key: str) -> tuple[str, ...]:
        return own.of(key) if " " in key else big.of(key)

    meanings = {**big.meanings, **own.meanings}
    return Thesaurus(f"{big.says} and {own.says}", meanings, of, big.bases, big.forms, own.sure)


@cache
def wordnet_thesaurus(folder: Path = FOLDER) -> Thesaurus:
    """WordNet's words and meanings, read from its database files.

    Raises:
        MissingExtraError: it is not installed.
    """
    if not folder.is_dir():
        raise MissingExtraError(
            f"WordNet is needed here and is not in {folder}: apt-get install wordnet-base (Debian, Ubuntu), or take the "
            "small list of synonyms: semascope.ops.rewording.small_thesaurus()"
        )
    meanings: dict[tuple[str, str], tuple[str, ...]] = {}
    bases: dict[str, dict[str, str]] = {}
    forms: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in PARTS:
        for line in lines(folder / f"index.{part}"):
            f = line.split()
            meanings[part, f[0].replace("_", " ")] = tuple(LETTERS[part] + offset for offset in f[-int(f[2]) :])
        for line in lines(folder / f"{part}.exc"):
            form, base = (word.replace("_", " ") for word in line.split()[:2])
            bases.setdefault(part, {})[form] = base
            own = forms.setdefault(part, {})
            own[base] = (*own.get(base, ()), form)
    data = {LETTERS[part]: (folder / f"data.{part}").read_bytes() for part in PARTS}

    @cache
    def of(key: str) -> tuple[str, ...]:
        # A meaning's key is the place of its line in the file of its part of speech.
        start = int(key[1:])
        f = data[key[0]][start : data[key[0]].index(b"|", start)].decode().split()
        return tuple(MARK.sub("", word).replace("_", " ") for word in f[4 : 4 + 2 * int(f[3], 16) : 2])

    return Thesaurus("WordNet 3.0", meanings, of, bases, forms)
