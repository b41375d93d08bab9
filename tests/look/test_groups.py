"""Groups: planted ones are found with their words and called stable; of a cloud nothing is made up."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.geometry.communities import Communities
from semascope.look.groups import STABLE, find_groups
from semascope.look.naming import group_words
from semascope.ops.graph import nearest

SUBJECTS = {
    "sea": "harbour anchor sailor tide lighthouse fishing boat",
    "kitchen": "oven butter recipe flour baking kettle spoon",
    "law": "judge verdict witness appeal supreme court ruling",
}


def planted(n: int = 240, seed: int = 0, spread: float = 0.5) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Rows about three centres, their texts of five of a subject's words among words that all have; whose each is."""
    rng = np.random.default_rng(seed)
    of = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    x = np.eye(3, 24)[of] + spread * rng.normal(size=(n, 24)) / np.sqrt(24)
    common = ["yesterday", "somebody", "people", "thing", "said", "place", "time", "year"]
    words = [subject.split() for subject in SUBJECTS.values()]
    texts = [
        " ".join(
            [
                *rng.permutation(common)[:4],
                *rng.permutation(words[one][:5])[:3],
                *words[one][5:],
                "the",
                "of",
                str(rng.integers(9)),
            ]
        )
        for one in of
    ]
    return x.astype(np.float32), texts, of


def test_planted_groups_are_found_named_and_stable() -> None:
    x, texts, of = planted()
    found = find_groups(x, texts)
    assert len(found.groups) == 3
    for group, words in zip(found.groups, SUBJECTS.values(), strict=True):
        assert group.stable
        assert group.stability.low > 0.9
        assert set(" ".join(group.words).split()) <= set(words.split())
        assert len(set(of[group.rows])) == 1
    assert [len(group.rows) for group in found.groups] == sorted(map(int, np.bincount(of)), reverse=True)
    assert sorted(np.concatenate([group.rows for group in found.groups])) == list(range(len(x)))
    assert "3 groups; 3 of them are stable" in found.says


def test_the_most_typical_row_comes_first() -> None:
    x, texts, _ = planted()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    for group in find_groups(x, texts).groups:
        middle = unit[group.rows].mean(0)
        cosines = unit[group.rows] @ middle
        assert (np.diff(cosines) <= 1e-6).all()


def test_a_cloud_is_one_group_and_that_is_said() -> None:
    x = np.random.default_rng(1).normal(size=(400, 32)) + 1
    found = find_groups(x, None)
    assert len(found.groups) == 1
    assert (found.of == 0).all()
    assert "one group" in found.says


@pytest.mark.parametrize(("n", "dim"), [(60, 16), (150, 3)])
def test_clouds_of_few_rows_or_columns_are_one_group_too(n: int, dim: int) -> None:
    """There splits are found again by chance: the line is what clouds like these have."""
    several = 0
    for seed in range(3):
        several += len(find_groups(np.random.default_rng(seed).normal(size=(n, dim)), None).groups) > 1
    assert several <= 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_splits_of_a_cloud_are_not_found_again_and_planted_groups_are(seed: int) -> None:
    """What the line between stable and unstable rests on: groups where there are none lie far below it."""
    cloud = np.random.default_rng(seed).normal(size=(400, 24)).astype(np.float32)
    split = Communities(resolution=2.0, draws=5).fit(cloud)
    assert split.labels_.max() >= 3
    assert split.found_again_.mean(axis=0).max() < STABLE
    real = Communities(resolution=1.0, draws=5).fit(planted(seed=seed, spread=0.8)[0])
    assert real.found_again_.mean(axis=0).min() > 0.8


def test_a_graph_that_is_known_gives_the_groups_that_are_found_without_it() -> None:
    x, texts, _ = planted()
    alone, given = find_groups(x, texts), find_groups(x, texts, graph=nearest(x, 24))
    np.testing.assert_array_equal(alone.of, given.of)
    assert [group.words for group in alone.groups] == [group.words for group in given.groups]


def test_the_same_seed_gives_the_same_groups() -> None:
    x, texts, _ = planted(spread=1.5)
    one, other = find_groups(x, texts, seed=3), find_groups(x, texts, seed=3)
    np.testing.assert_array_equal(one.of, other.of)
    assert [group.stability for group in one.groups] == [group.stability for group in other.groups]


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_few_rows_are_one_group_or_more_and_no_error(n: int) -> None:
    x, texts, _ = planted()
    found = find_groups(x[:n], texts[:n])
    assert sum(len(group.rows) for group in found.groups) == n


def test_words_are_told_without_a_list_of_any_language() -> None:
    """Words that all groups share name none, in a language of which no list is kept."""
    rng = np.random.default_rng(0)
    common = ["ja", "ei", "oli", "niin", "kun", "mutta"]
    of = np.arange(90) % 3
    subjects = [["vene", "satama", "kala"], ["uuni", "voi", "jauho"], ["laki", "tuomari", "oikeus"]]
    texts = [" ".join([*rng.permutation(common)[:4], *subjects[one]]) for one in of]
    for words, subject in zip(group_words(texts, of), subjects, strict=True):
        assert set(" ".join(words[:2]).split()) <= set(subject)


def test_scripts_without_spaces_are_named_by_pairs_of_characters() -> None:
    of = np.arange(40) % 2
    texts = [("今天天气很好" if one else "股票市场下跌") + "我们" * (place % 3) for place, one in enumerate(of)]
    market, weather = group_words(texts, of)
    assert "股票" in market
    assert "天气" in weather


def test_words_that_stand_in_a_row_become_one_name() -> None:
    of = np.arange(40) % 2
    texts = ["wall street fell sharply" if one else "heavy rain fell overnight" for one in of]
    assert any("wall street" in word or word == "wall street" for word in group_words(texts, of)[1])


def test_as_many_texts_as_rows_are_wanted() -> None:
    x, texts, _ = planted()
    with pytest.raises(InputError, match="texts: want one for each of 240 rows, got 3"):
        find_groups(x, texts[:3])


def test_groups_of_news_agree_with_its_sections(shared: object) -> None:
    """A little of what the benchmark measures: with the bundled encoder, far beyond what shuffled labels give."""
    import json
    from pathlib import Path

    from sklearn.metrics import adjusted_mutual_info_score

    from semascope.encoders import Encoder

    lines = (Path(str(shared)) / "classification" / "ag-news.jsonl").read_text("utf-8").splitlines()[:1000]
    rows = [json.loads(line) for line in lines]
    texts = [row["text"] for row in rows]
    found = find_groups(Encoder("default").encode(texts), texts)
    labels = [row["label"] for row in rows]
    assert adjusted_mutual_info_score(labels, found.of) > 0.25
    assert sum(group.stable for group in found.groups) >= 3
