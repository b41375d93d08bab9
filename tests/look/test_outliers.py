"""Planted strange rows are found, and in a cloud without any few are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from semascope import Encoder
from semascope.errors import InputError
from semascope.look.layout import make_layout
from semascope.look.outliers import find_outliers
from semascope.ops import nearest

TOPICS = {
    "sport": "team match goal coach season league player final win stadium injury title cup captain transfer fans",
    "markets": "shares profit bank market stocks oil price investors quarter growth dollar deal trade rates fund bonds",
    "science": "space nasa researchers climate species telescope planet study cells energy orbit fossil genome ocean",
    "world": "minister election government troops peace talks border president vote crisis treaty embassy parliament",
}
GERMAN = (
    "Der Hund schläft heute unter dem alten Küchentisch",
    "Morgen früh fahren wir mit dem Zug nach Hause",
    "Bitte vergiss nicht die Fenster zu schließen",
    "Sie hat gestern ihren Schlüssel im Garten verloren",
)


def news(n: int) -> list[str]:
    rng = random.Random(0)
    names = list(TOPICS)
    return ["The " + " ".join(rng.choices(TOPICS[names[i % 4]].split(), k=9)) + " says report" for i in range(n)]


@pytest.mark.parametrize(
    "planted", [GERMAN, ("xq zzv 9k3 ppl wv 00x", "$$ %% @@ ### 4471-22", "asdkj lkqwe mnzxc poiqw")]
)
def test_planted_foreign_and_random_texts_are_the_strangest(planted: tuple[str, ...]) -> None:
    texts = [*news(1500), *planted]
    x = Encoder("default").encode(texts)
    found = find_outliers(x)
    strange = set(range(1500, len(texts)))
    assert strange <= set(found.rows.tolist())
    assert strange == set(found.rows[: len(strange)].tolist())
    assert len(found.rows) <= len(planted) + 0.015 * 1500
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("dim", [16, 64, 256])
def test_in_a_cloud_without_outliers_at_most_eight_of_a_thousand_are_found(dim: int) -> None:
    x = np.random.default_rng(dim).normal(size=(4000, dim)) + np.linspace(1, 0, dim)
    assert len(find_outliers(x).rows) <= 0.008 * 4000


def test_rows_too_few_or_all_alike_have_no_outliers() -> None:
    assert len(find_outliers(np.eye(10)).rows) == 0
    assert "fewer than" in find_outliers(np.eye(10)).says
    assert len(find_outliers(np.ones((100, 4))).rows) == 0
    with pytest.raises(InputError, match="x: want"):
        find_outliers(np.ones(4))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 200])
def test_the_map_of_a_corpus_has_a_place_for_each_row_and_says_how_far_to_trust_it(n: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, 12)).astype(np.float32)
    layout = make_layout(x)
    assert layout.places.shape == (n, 2)
    assert layout.places.dtype == np.float32
    assert 0 <= layout.trust.low <= layout.trust.value <= layout.trust.high <= 1
    np.testing.assert_array_equal(make_layout(x, graph=nearest(x)).places, layout.places)
