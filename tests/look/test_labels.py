"""Labels that look wrong: those that were planted come first, with neighbours that say so; how many is told nearly right."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.look.labels import check_labels
from semascope.ops.graph import nearest

NAMES = np.array(["billing", "login", "shipping"])


def planted(share: float, seed: int = 0, n: int = 600, apart: float = 4.0) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Rows of three labels, their names, of which a share is wrong, and which those are."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    x = (apart * np.eye(3, 20)[true] + rng.normal(size=(n, 20))).astype(np.float32)
    wrong = rng.permutation(n) < share * n
    return x, NAMES[(true + wrong * rng.integers(1, 3, n)) % 3].tolist(), wrong


def test_planted_errors_come_first_and_neighbours_say_so() -> None:
    x, labels, wrong = planted(0.05)
    found = check_labels(x, labels)
    assert found is not None
    first = [suspect.row for suspect in found.suspects[: int(wrong.sum())]]
    assert wrong[first].mean() > 0.9
    for suspect in found.suspects[:10]:
        assert suspect.given == labels[suspect.row] != suspect.likely
        assert len(suspect.neighbours) == 5
        assert all(labels[row] == suspect.likely and row != suspect.row for row in suspect.neighbours)
        assert 0 <= suspect.chance < 0.5
    chances = [suspect.chance for suspect in found.suspects]
    assert chances == sorted(chances)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1])
def test_about_as_many_are_told_as_were_planted(share: float) -> None:
    told = []
    for seed in range(3):
        found = check_labels(*planted(share, seed)[:2])
        assert found is not None
        told.append(found.expected / 600)
    assert abs(np.mean(told) - share) < 0.02


def test_labels_of_no_meaning_are_not_told_apart() -> None:
    x, labels, _ = planted(0.0)
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    found = check_labels(x, shuffled)
    assert found is not None
    assert found.accuracy.low < 0.36
    right = check_labels(x, labels)
    assert right is not None
    assert right.accuracy.low > 0.9


def test_copies_of_a_row_do_not_vouch_for_it() -> None:
    x, labels, wrong = planted(0.05)
    copied = check_labels(np.repeat(x, 2, axis=0), [label for label in labels for _ in range(2)])
    assert copied is not None
    first = [suspect.row // 2 for suspect in copied.suspects[: 2 * int(wrong.sum())]]
    assert wrong[first].mean() > 0.9


def test_rows_without_a_label_and_small_labels_are_left_out() -> None:
    x, labels, _ = planted(0.05)
    some: list[str | None] = [None if place % 4 == 0 else label for place, label in enumerate(labels)]
    some[1], some[2] = "rare", ""
    found = check_labels(x, some)
    assert found is not None
    assert found.counts["rare"] == 1
    assert sum(found.counts.values()) == sum(bool(label) for label in some)
    assert all(some[suspect.row] not in (None, "", "rare") for suspect in found.suspects)
    assert "1 labels are too small" in found.says
    assert "rows have no label" in found.says


def test_one_label_or_none_gives_nothing() -> None:
    x, _, _ = planted(0.0)
    assert check_labels(x, ["one"] * len(x)) is None
    assert check_labels(x, [None] * len(x)) is None


def test_a_graph_that_is_known_is_used_and_gives_the_same() -> None:
    x, labels, _ = planted(0.05)
    alone, given = check_labels(x, labels), check_labels(x, labels, graph=nearest(x, 30))
    assert alone is not None
    assert given is not None
    assert [s.row for s in alone.suspects] == [s.row for s in given.suspects]


def test_one_label_for_each_row_is_wanted() -> None:
    with pytest.raises(InputError, match="labels: want one for each of 600 rows, got 1"):
        check_labels(planted(0.0)[0], ["a"])


def test_labels_that_have_nothing_to_do_with_the_rows_are_not_called_wrong() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 32)).astype(np.float32)
    found = check_labels(x, [("one", "two", "two")[int(i)] for i in rng.integers(0, 3, 600)])
    assert found is not None
    assert not found.told
    assert (found.expected, list(found.suspects)) == (0, [])
    assert "cannot be told from these vectors" in found.says


def test_a_rare_label_that_can_be_told_is_judged_though_guessing_the_common_one_is_nearly_always_right() -> None:
    rng = np.random.default_rng(1)
    rare = rng.random(1000) < 0.03
    x = rng.normal(size=(1000, 32)).astype(np.float32)
    x[rare, 0] += 8
    found = check_labels(x, np.where(rare, "rare", "common").tolist())
    assert found is not None
    assert found.told
