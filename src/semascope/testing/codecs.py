"""What every codec guarantees beside what holds for all that is learned from vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from semascope.card import Card
from semascope.errors import InputError
from semascope.testing.say import LAB, built, refused, same, want


def codes_are_as_small_as_stated(card: Card) -> None:
    """The bytes of a code are its stated bits, rounded up to whole bytes."""
    for dim in (16, 13):
        x = LAB.vectors(64, dim)
        method = built(card).fit(x)
        codes = method.encode_codes(x)
        wanted = int(np.ceil(method.learned_.bits / 8))
        got = codes.nbytes // len(x)
        want(got == wanted, f"codes of {dim} columns: want {wanted} bytes a row, got {got}")
        want(method.learned_.bits < 32 * dim, "codes: want fewer bits than float32 has")


def transform_is_decode_of_encode(card: Card) -> None:
    """What `transform` gives is what the bytes decode to."""
    x = LAB.vectors()
    method = built(card).fit(x)
    same(method.decode_codes(method.encode_codes(x)), method.transform(x), "decoded codes")


def codes_survive_decoding(card: Card) -> None:
    """Encoding what a code decodes to gives the code again."""
    x = LAB.vectors()
    method = built(card).fit(x)
    codes = method.encode_codes(x)
    same(method.encode_codes(method.decode_codes(codes)), codes, "codes of decoded codes")


def decoding_beats_the_mean(card: Card) -> None:
    """Rows come back nearer than the mean of all rows is, on rows not learned from too."""
    x = LAB.vectors(400)
    method = built(card).fit(x[:200])
    for rows in (x[:200], x[200:]):
        back = method.transform(rows)
        want(back.shape == rows.shape, f"decoded rows: want shape {rows.shape}, got {back.shape}")
        error, spread = float(np.square(back - rows).mean()), float(np.square(rows - x[:200].mean(axis=0)).mean())
        want(error < 0.75 * spread, f"squared error: want below {0.75 * spread:.3g}, got {error:.3g}")


def codes_of_wrong_width_are_refused(card: Card) -> None:
    """Codes, too, are checked at the door."""
    method = built(card).fit(LAB.vectors())
    codes = method.encode_codes(LAB.vectors())
    refused(InputError, "codes: want", lambda: method.decode_codes(codes[:, :-1]), "codes cut short")


CHECKS: Mapping[str, Callable[[Card], None]] = {
    check.__name__: check
    for check in (
        codes_are_as_small_as_stated,
        transform_is_decode_of_encode,
        codes_survive_decoding,
        decoding_beats_the_mean,
        codes_of_wrong_width_are_refused,
    )
}
