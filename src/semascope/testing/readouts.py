"""What every readout guarantees: a way to a vector that runs the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semascope.card import Card
from semascope.errors import InputError, OptionError
from semascope.testing.model import TinyModel
from semascope.testing.say import TEXTS, built, near, refused, same, want


def one_row_per_text(card: Card) -> None:
    """(n, d), with no texts too, whatever way the list comes."""
    model = TinyModel()
    out = built(card)(model, TEXTS)
    want(len(out) == len(TEXTS), f"rows: want {len(TEXTS)}, got {len(out)}")
    none = built(card)(model, [])
    want(none.shape == (0, out.shape[1]), f"no texts: want shape (0, {out.shape[1]}), got {none.shape}")
    want(none.dtype == np.float32, f"no texts: want float32, got {none.dtype}")
    same(built(card)(model, tuple(TEXTS)), out, "a tuple of texts")


def texts_do_not_see_each_other(card: Card) -> None:
    """A text alone gives the row that it gives among others, and the order of texts is kept."""
    model = TinyModel()
    out = built(card)(model, TEXTS)
    alone = np.concatenate([built(card)(model, [text]) for text in TEXTS])
    near(alone, out, "one text at a time", within=1e-5)
    near(built(card)(model, TEXTS[::-1])[::-1], out, "texts in another order", within=1e-5)
    near(built(card)(model, [*TEXTS, TEXTS[0]])[-1], out[0], "a text that comes twice", within=1e-5)


def batches_make_no_difference(card: Card) -> None:
    """However many texts go through the model together, and in whatever order it takes them."""
    out = built(card)(TinyModel(together=1), TEXTS)
    for together in (2, 100):
        near(built(card)(TinyModel(together=together), TEXTS), out, f"{together} texts at once", within=1e-5)


def empty_text_gives_a_finite_row(card: Card) -> None:
    """Nothing to read is taken, wherever it stands, and its neighbours are what they were."""
    model = TinyModel()
    out = built(card)(model, ["", *TEXTS[:2], "", " "])
    want(np.isfinite(out).all(), "empty texts: want finite rows")
    near(out[1:3], built(card)(model, TEXTS[:2]), "texts beside empty ones", within=1e-5)
    near(out[3], out[0], "two empty texts", within=1e-5)


def words_at_either_end_count(card: Card) -> None:
    """Changing the first word of a text, or its last, changes its row."""
    model = TinyModel()
    out = built(card)(model, ["red cats sleep well", "big cats sleep well", "red cats sleep long"])
    for other, what in ((1, "first"), (2, "last")):
        want(np.abs(out[other] - out[0]).max() > 1e-4, f"another {what} word: want another row, got the same")


def weights_count(card: Card) -> None:
    """Another model gives other rows."""
    first, other = (built(card)(TinyModel(seed), TEXTS) for seed in (0, 1))
    want(first.shape != other.shape or np.abs(first - other).max() > 1e-3, "other weights: want other rows")


def long_texts_are_cut_to_fit(card: Card) -> None:
    """A text far longer than the model reads gives a finite row; what lies beyond all that can be read is not seen."""
    model = TinyModel(max_length=160)
    out = built(card)(model, ["a word or two " * 40, "short"])
    want(np.isfinite(out).all(), "a long text: want a finite row")
    near(out[1], built(card)(model, ["short"])[0], "a short text beside a long one", within=1e-5)


def characters_of_any_kind_are_taken(card: Card) -> None:
    """Letters of several bytes, marks that templates use, line breaks."""
    texts = ["Zoë 我们 🌋", "{text} {question} {summary} {", "two\nlines\n\n### Input:", '"quoted"', "\x00\u200d"]
    out = built(card)(TinyModel(), texts)
    want(np.isfinite(out).all(), "unusual characters: want finite rows")
    want(len(np.unique(out.round(4), axis=0)) == len(texts), "unusual characters: want rows that differ")


def bare_text_is_refused(card: Card) -> None:
    """One text is not a list of texts."""
    refused(InputError, "texts: want a list", lambda: built(card)(TinyModel(), "one text"), "a bare text")
    refused(InputError, "texts: want str", lambda: built(card)(TinyModel(), ["one", 2]), "a number among texts")


def model_that_reads_both_ways_is_refused(card: Card) -> None:
    """By the method's name, for what it mends is not broken there."""
    model = TinyModel(causal=False)
    refused(OptionError, card.name, lambda: built(card)(model, TEXTS), "a model that reads both ways")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        one_row_per_text,
        texts_do_not_see_each_other,
        batches_make_no_difference,
        empty_text_gives_a_finite_row,
        words_at_either_end_count,
        weights_count,
        long_texts_are_cut_to_fit,
        characters_of_any_kind_are_taken,
        bare_text_is_refused,
        model_that_reads_both_ways_is_refused,
    )
}
