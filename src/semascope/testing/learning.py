"""What every pooling guarantees that has to learn first, beside what all poolings do."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from semascope.card import Card
from semascope.errors import InputError
from semascope.learned import load
from semascope.testing.say import LAB, built, learnt, partners, pooling, refused, same, want
from semascope.types import States


def _same_thing(a: Any, b: Any, message: str) -> None:
    want(type(a) is type(b), f"{message}: want {type(b).__name__}, got {type(a).__name__}")
    for field in dataclasses.fields(a):
        one, other = getattr(a, field.name), getattr(b, field.name)
        if isinstance(other, np.ndarray):
            same(one, other, f"{message}: {field.name}")
        else:
            want(type(one) is type(other) and one == other, f"{message}: want {field.name} {other!r}, got {one!r}")


def _taken(states: States, texts: range) -> States:
    start, stop = (int(states.offsets[place]) for place in (texts.start, texts.stop))
    return States(
        states.hidden[:, start:stop],
        states.offsets[texts.start : texts.stop + 1] - start,
        states.ids[start:stop],
        states.spans[start:stop],
        states.layers,
    )


def _emptied(states: States, text: int) -> States:
    """The same states, with a text without tokens in front of that one."""
    return dataclasses.replace(states, offsets=np.insert(states.offsets, text, states.offsets[text]))


def _poisoned(states: States) -> States:
    """The same states by way of a padded form that is full of 1e9 where there is no token."""
    padded = [states.padded(layer, side="left") for layer in range(len(states.layers))]
    mask = padded[0][1]
    spans = np.full((*mask.shape, 2), -1, np.int32)
    spans[mask] = states.spans
    hidden = np.stack([np.where(mask[:, :, None], rows, np.float32(1e9)) for rows, _ in padded])
    return States.from_padded(hidden, mask, spans=spans, layers=states.layers)


def nothing_pools_before_it_has_learned(card: Card) -> None:
    """The method is options alone; what it learns is the pooling."""
    want(not callable(built(card)), "method: want it not to pool, its `learn` gives the pooling")
    want(callable(pooling(card)), "what was learned: want a pooling")


def pooling_saves_and_loads_bit_for_bit(card: Card) -> None:
    """What was learned comes back the same from a file, and pools to the same bits."""
    learned = pooling(card)
    with TemporaryDirectory() as folder:
        place = Path(folder) / "pooling.safetensors"
        learned.save(place)
        back = load(place)
    _same_thing(back, learned, "after a round trip")
    same(back(LAB.states()), learned(LAB.states()), "rows after a round trip")


def rows_are_as_wide_as_stated(card: Card) -> None:
    """`dim` is the number of columns."""
    learned = pooling(card)
    got = learned(LAB.states()).shape[1]
    want(got == learned.dim, f"dim: want {got}, the columns of a row, got {learned.dim}")


def batches_make_no_difference(card: Card) -> None:
    """Learning from one large batch or from several gives the same bits."""
    whole = partners()
    parts = [tuple(_taken(states, texts) for states in whole) for texts in (range(5), range(5, 6), range(6, 12))]
    _same_thing(learnt(card, *[(one, other) for one, other in parts]), learnt(card, whole), "learned from parts")


def padding_is_never_learned_from(card: Card) -> None:
    """Whatever stands where there is no token makes no difference to any bit."""
    one, other = partners()
    _same_thing(learnt(card, (_poisoned(one), _poisoned(other))), learnt(card, (one, other)), "padding of 1e9")


def text_without_tokens_is_not_learned_from(card: Card) -> None:
    """A text without tokens among the others, or a pair with one, changes nothing of what is learned."""
    one, other = partners()
    with_empty = (_emptied(_emptied(one, 12), 3), _emptied(_emptied(other, 12), 3))
    _same_thing(learnt(card, with_empty), learnt(card, (one, other)), "a text without tokens")


def what_is_learned_hangs_on_the_texts(card: Card) -> None:
    """Other texts, other bits: something is learned."""
    one, other = partners()
    moved = dataclasses.replace(other, hidden=other.hidden[..., ::-1] * 2 + 1)
    a, b = learnt(card, (one, moved))(LAB.states()), learnt(card, (one, other))(LAB.states())
    want(not np.array_equal(a, b), "learned from other texts: want other rows, got the same bits")


def too_little_to_learn_from_is_refused(card: Card) -> None:
    """No batches at all, and texts without tokens alone."""
    nothing = dataclasses.replace(
        LAB.states(n=2),
        hidden=LAB.states().hidden[:, :0],
        offsets=np.zeros(3, np.int64),
        ids=np.zeros(0, np.int32),
        spans=np.zeros((0, 2), np.int32),
    )
    refused(InputError, "want at least 2", lambda: learnt(card), "no batches")
    refused(InputError, "want at least 2", lambda: learnt(card, (nothing, nothing)), "no tokens")


def nan_is_never_learned_from(card: Card) -> None:
    """A text of NaN among the others is an error that names the states, not a pooling full of NaN."""
    one, other = partners()
    first = np.arange(one.hidden.shape[1])[:, None] < one.lengths[0]
    bad = dataclasses.replace(one, hidden=np.where(first, np.float32(np.nan), one.hidden))
    refused(InputError, "states:", lambda: learnt(card, (bad, other)), "NaN in the states")


def other_states_than_learned_from_are_refused(card: Card) -> None:
    """Of another width; and of other layers, where the pooling says which layers it reads. More than those are taken."""
    learned, states = pooling(card), LAB.states()
    narrow = dataclasses.replace(states, hidden=states.hidden[..., :-1])
    refused(InputError, "states: want", lambda: learned(narrow), "states of another width")
    if hasattr(learned, "layers"):
        other = dataclasses.replace(states, layers=tuple(layer - 1 for layer in states.layers))
        refused(InputError, "states: want", lambda: learned(other), "states of other layers")
        fewer = dataclasses.replace(states, hidden=states.hidden[1:], layers=states.layers[1:])
        refused(InputError, "states: want", lambda: learned(fewer), "states of fewer layers")
        more = dataclasses.replace(
            states, hidden=np.concatenate([states.hidden * 2, states.hidden]), layers=(7, 8, *states.layers)
        )
        same(learned(more), learned(states), "states of more layers")


def every_layer_asked_for_is_read(card: Card) -> None:
    """Where the pooling says which layers it reads, each of them makes a difference."""
    learned, states = pooling(card), LAB.states()
    for place in range(len(states.layers) if hasattr(learned, "layers") else 0):
        other = states.hidden.copy()
        other[place] = other[place][:, ::-1]
        changed = learned(dataclasses.replace(states, hidden=other))
        want(not np.array_equal(changed, learned(states)), f"layer {states.layers[place]}: want it to be read")


def torchs_randomness_is_untouched(card: Card) -> None:
    """Torch's global generator, where torch is used at all, neither moves nor counts."""
    torch = sys.modules.get("torch")
    if torch is None:
        learnt(card, partners())  # whatever it trains with has been imported from here on
        torch = sys.modules.get("torch")
    if torch is None:
        return
    torch.manual_seed(1)
    before = torch.get_rng_state().clone()
    first = learnt(card, partners())
    want(torch.equal(before, torch.get_rng_state()), "torch's random state: want it untouched")
    torch.manual_seed(2)
    _same_thing(learnt(card, partners()), first, "learned under two of torch's seeds")


def progress_is_told(card: Card) -> None:
    """`progress` is called, and never goes back."""
    told: list[int] = []

    def note(done: int, total: int | None) -> None:
        told.append(done)
        want(total is None or done <= total, f"progress: want at most {total}, got {done}")

    method = built(card)
    learn = getattr(method, "learn_pairs", None)
    if learn is not None:
        learn([partners()], progress=note)
    else:
        method.learn(partners(), progress=note)
    want(told and told == sorted(told), f"progress: want it to be told ever more, got {told}")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        nothing_pools_before_it_has_learned,
        pooling_saves_and_loads_bit_for_bit,
        rows_are_as_wide_as_stated,
        batches_make_no_difference,
        padding_is_never_learned_from,
        text_without_tokens_is_not_learned_from,
        what_is_learned_hangs_on_the_texts,
        too_little_to_learn_from_is_refused,
        nan_is_never_learned_from,
        other_states_than_learned_from_are_refused,
        every_layer_asked_for_is_read,
        torchs_randomness_is_untouched,
        progress_is_told,
    )
}
