"""What checks run on: pairs of sentences out of Python's docstrings, or of somebody's own texts."""

from __future__ import annotations

import pytest

from semascope.checking import lab_for
from semascope.checking.material import neighbours
from semascope.corpus import Document
from semascope.errors import InputError, MissingExtraError
from semascope.lab import Lab

ONE = "The first sentence has five words. The second one has six words. Short. The third sentence stands quite alone here."
TWO = "The second one has six words. It was in another text before."
CODE = ">>> a = [1, 2, 3]; print(a) # five. The result of it is a list. (x=1, y=2, z=3) == (1, 2, 3) + () : [] {} 7 8. So it is, as was said."


def test_neighbours_follow_each_other_and_no_sentence_comes_twice() -> None:
    found = neighbours([Document(text=ONE, id="1"), Document(text=TWO, id="2")])
    assert found == (("The first sentence has five words.", "The second one has six words."),)


def test_code_is_no_sentence() -> None:
    assert neighbours([Document(text=CODE, id="1")]) == (("The result of it is a list.", "So it is, as was said."),)


def test_the_lab_draws_neighbours_by_its_seed_out_of_pythons_docstrings() -> None:
    first, again, other = (lab_for(seed).neighbours(300) for seed in (0, 0, 1))
    assert first == again != other
    assert len({*first[0], *first[1]}) == 600
    with pytest.raises(InputError, match="pairs: want at least"):
        lab_for(0).neighbours(10**6)


def test_own_texts_give_their_own_neighbours_and_a_bare_lab_none() -> None:
    lab = lab_for(0, data=[ONE])
    assert lab.neighbours(1) == (["The first sentence has five words."], ["The second one has six words."])
    with pytest.raises(MissingExtraError, match="pairs"):
        Lab(0).neighbours(1)
