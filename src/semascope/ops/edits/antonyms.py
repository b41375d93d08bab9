"""The opposite word in the place of one: pairs that are opposites nearly wherever they stand, in English."""

from __future__ import annotations

import numpy as np

from semascope.ops.english import fitted, found, listed

# Either may stand for the other. Words that mean other things too ("right", "last", "fair", "light", "kind") are left out.
_PAIRS = """opened/closed starts/stops started/stopped add/remove adds/removes added/removed adding/removing increase/decrease increases/decreases increased/decreased
    increasing/decreasing encode/decode encodes/decodes encoded/decoded encrypt/decrypt encrypts/decrypts
    encrypted/decrypted compress/decompress compresses/decompresses connect/disconnect connects/disconnects
    connected/disconnected enable/disable enables/disables enabled/disabled lock/unlock locked/unlocked  include/exclude includes/excludes included/excluded  serialize/deserialize install/uninstall installs/uninstalls installed/uninstalled allow/forbid allows/forbids
    allowed/forbidden accept/reject accepts/rejects accepted/rejected
    win/lose wins/loses won/lost winning/losing winner/loser rise/fall rises/falls rose/fell rising/falling profit/loss profits/losses success/failure succeed/fail succeeds/fails succeeded/failed successful/unsuccessful
    buy/sell buys/sells bought/sold buying/selling borrow/lend
    arrives/departs
    attacked/defended love/hate loves/hates loved/hated praise/criticize
    praised/criticized appear/disappear appears/disappears appeared/disappeared
    minimum/maximum min/max first/last true/false before/after inside/outside above/below upper/lower uppercase/lowercase
    ascending/descending input/output inputs/outputs readable/unreadable valid/invalid visible/invisible known/unknown
    equal/unequal synchronous/asynchronous public/private internal/external local/remote absolute/relative positive/negative
    mutable/immutable ancestor/descendant ancestors/descendants empty/full leading/trailing older/newer oldest/newest old/new bigger/smaller biggest/smallest big/small large/small larger/smaller
    largest/smallest longer/shorter longest/shortest high/low higher/lower highest/lowest strong/weak stronger/weaker
    strongest/weakest hot/cold hotter/colder warm/cool young/elderly early/late earlier/later earliest/latest fast/slow faster/slower
    fastest/slowest rich/poor cheap/expensive happy/sad clean/dirty dry/wet safe/dangerous heavy/lightweight wide/narrow
    deep/shallow thick/thin tall/short easy/difficult easier/harder simple/complicated good/bad better/worse best/worst
    black/white male/female man/woman men/women boy/girl boys/girls husband/wife father/mother son/daughter brother/sister
    king/queen north/south northern/southern east/west eastern/western up/down upward/downward indoor/outdoor
    indoors/outdoors optional/required always/never many/few majority/minority victory/defeat
    peace/war ally/enemy allies/enemies legal/illegal likely/unlikely possible/impossible necessary/unnecessary able/unable
    correct/incorrect complete/incomplete domestic/foreign guilty/innocent sitting/standing sits/stands
    asleep/awake optimistic/pessimistic hope/fear hopes/fears friend/enemy temporary/permanent
    top/bottom front/back supported/unsupported """
# Fixed phrases in which the word is no opposite of the other, by the word before and the word after.
_BEFORE = {
    "first": "at", "high": "all-time", "better": "had", "many": "how as so", "good": "a", "white": "the", "lost": "has have had",
    "after": "look named looked looks", "early": "as", "late": "as of", "later": "or", "fall": "last this", "old": "year years", "few": "a",
    "likely": "most more less", "possible": "as if where when", "necessary": "as if where when", "small": "", "best": "at",
}  # fmt: skip
_AFTER = {
    "new": "york zealand jersey orleans delhi hampshire mexico england", "white": "house", "first": "of time name",
    "high": "school tech court", "never": "mind", "south": "korea africa carolina korean african dakota",
    "north": "korea korean carolina dakota", "west": "bank virginia indies", "east": "timor", "black": "friday",
    "fall": "of", "good": "friday", "after": "all", "before": "", "known": "as for to", "appear": "to", "appears": "to",
    "appeared": "to", "lost": "to", "won": "by", "public": "", "above": "", "many": "of", "early": "", "always": "",
    "started": "to", "starts": "to", "wins": "", "required": "by to for if a an the", "possible": "", "closed": "at up down with",
    "opened": "at up down with", "king": "", "cool": "", "private": "", "late": "", "safe": "to",
}  # fmt: skip


def _table() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for pair in _PAIRS.split():
        one, other = pair.split("/")
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return {word: tuple(dict.fromkeys(others)) for word, others in found.items()}


_OPPOSITES = _table()
_FIT = {
    word: (frozenset(_BEFORE.get(word, "").split()), frozenset(_AFTER.get(word, "").split())) for word in _OPPOSITES
}
_KEPT = frozenset(
    listed("right left back top front last short lead down up")
)  # said of other things too often: they may be put in, and not taken out


def opposed(text: str, rng: np.random.Generator) -> str | None:
    """The sentence with one word changed for its opposite, or None where none of the list stands in it.

    Args:
        text: One English sentence.
        rng: Chooses the place.
    """
    every = found(text)
    there = {word.low for word in every}  # "a man and a woman": exchanged, it would say something twice
    places: list[int] = []
    for at, word in enumerate(every):
        if word.low not in _OPPOSITES or there & set(_OPPOSITES[word.low]) or not (word.text.islower() or at == 0):
            continue
        alone = text[max(0, word.start - 1) : word.start] not in ("-", "_", ".", "/", "'", '"', "#") and text[
            word.stop : word.stop + 1
        ] not in ("-", "_", "(", "=", "/", "'", '"')
        before = every[at - 1].low if at else ""
        after = every[at + 1].low if at + 1 < len(every) else ""
        if (word.low in ("up", "down") and after.isdigit() and alone) or (
            word.low not in _KEPT and alone and before not in _FIT[word.low][0] and after not in _FIT[word.low][1]
        ):
            places.append(at)
    if not places:
        return None
    word = every[places[int(rng.integers(len(places)))]]
    others = _OPPOSITES[word.low]
    new = others[int(rng.integers(len(others)))]
    return fitted(text, word.start, word.stop, new)
