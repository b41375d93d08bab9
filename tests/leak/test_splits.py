"""Who knows what: sizes, draws, and near copies on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError, OptionError
from semascope.leak.splits import near_copies, sizes, split
from semascope.ops.words import words

ROWS = [[f"w{i}", f"w{i + 1}", f"w{i + 2}", f"w{i + 3}"] for i in range(0, 4000, 10)]


def test_known_and_hidden_rows_never_overlap_and_rest_is_everything_else() -> None:
    found = split(ROWS, known=200, hidden=100, seed=3)
    together = np.concatenate([found.known, found.hidden, found.rest])
    assert sorted(together) == list(range(len(ROWS)))
    assert (len(found.known), len(found.hidden)) == (200, 100)


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    one, same, other = (split(ROWS, known=200, hidden=100, seed=seed) for seed in (1, 1, 2))
    assert (one.hidden == same.hidden).all()
    assert (one.hidden != other.hidden).any()


def test_a_copy_with_a_changed_number_is_a_near_copy_and_another_text_is_none() -> None:
    known = [words("Your order 4711 has left our house today and will be with you by noon.")]
    asked = [
        words("Your order 4712 has left our house today and will be with you by noon."),
        words("your ORDER 4711 has left our house today, and will be with you by noon"),
        words("The committee will meet again in spring to vote on the budget of the harbour."),
        [],
    ]
    assert near_copies(asked, known).tolist() == [True, True, False, False]


def test_boilerplate_that_stands_in_hundreds_of_texts_is_still_seen() -> None:
    known = [words(f"Dear customer {i}, your parcel was handed to the courier this morning.") for i in range(400)]
    assert near_copies([words("Dear customer 999, your parcel was handed to the courier this morning.")], known).all()


def test_the_hidden_rows_that_count_are_those_without_a_near_copy() -> None:
    doubled = [ROWS[i // 2] for i in range(400)]
    found = split(doubled, known=200, hidden=100, seed=0)
    known = {tuple(doubled[i]) for i in found.known}
    assert 0 < found.copied.sum() < 100
    assert not any(tuple(doubled[i]) in known for i in found.unseen)
    assert all(tuple(doubled[i]) in known for i in found.hidden[found.copied])


@pytest.mark.parametrize(
    ("n", "wanted"), [(9000, (4000, 2000)), (6000, (4000, 2000)), (300, (200, 100)), (75, (50, 25))]
)
def test_two_thirds_are_known_where_there_are_fewer_rows(n: int, wanted: tuple[int, int]) -> None:
    assert sizes(n, known=4000, hidden=2000) == wanted


def test_too_few_rows_are_refused_with_what_is_wanted() -> None:
    with pytest.raises(InputError, match="want at least 75 rows"):
        sizes(74, known=4000, hidden=2000)
    with pytest.raises(OptionError, match="known: want at least 50"):
        sizes(1000, known=49, hidden=100)
    with pytest.raises(OptionError, match="hidden: want at least 25"):
        sizes(1000, known=100, hidden=3)
