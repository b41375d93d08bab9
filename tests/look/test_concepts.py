"""A vector said in groups and words."""

from __future__ import annotations

import numpy as np
import pytest

from semascope.errors import InputError
from semascope.look.concepts import group_shares, nearest_words
from semascope.look.vocabulary import Vocabulary
from semascope.ops import unit


def test_shares_are_cosines_seen_from_the_middle_of_the_corpus() -> None:
    rng = np.random.default_rng(0)
    shared = np.array([3.0, 0, 0, 0])  # what all rows have
    sample = unit(shared + rng.normal(size=(400, 4)))
    x, middles = sample[0], sample[[1, 2]]
    found = group_shares(x, middles, sample)
    centre = sample.mean(axis=0)
    for place, middle in enumerate(middles):
        own = (middle - centre) / np.linalg.norm(middle - centre)
        cosines = [(row - centre) @ own / np.linalg.norm(row - centre) for row in sample]
        assert found.shares[place] == pytest.approx(cosines[0], abs=1e-5)
        # The vector is itself a row of the sample, a rounding nearer or farther.
        assert found.percentiles[place] == pytest.approx(np.mean(np.array(cosines) < found.shares[place]), abs=0.003)
    assert found.n == 400
    # Not centred, everything is near to everything: the control.
    assert (sample @ middles.T > 0).mean() > 0.9
    assert (group_shares(x, sample, sample).shares > 0).mean() < 0.7


def test_a_groups_own_passage_is_nearer_than_most() -> None:
    rng = np.random.default_rng(1)
    topics = unit(rng.normal(size=(3, 16)))
    sample = unit(np.repeat(topics, 50, axis=0) + 0.2 * rng.normal(size=(150, 16)))
    for topic in range(3):
        found = group_shares(sample[50 * topic], topics, sample)
        assert int(found.shares.argmax()) == topic
        assert found.percentiles[topic] > 0.6
        assert all(found.percentiles[other] < 0.7 for other in range(3) if other != topic)


def test_words_come_nearest_first_with_how_many_documents_have_them() -> None:
    words = Vocabulary("e", "p", ["one", "two", "three"], np.array([5, 9, 2], np.int32), np.eye(3, dtype=np.float32))
    x = np.array([0.6, 0.0, 0.8], np.float32)
    assert nearest_words(x, words, 2) == [("three", pytest.approx(0.8), 2), ("one", pytest.approx(0.6), 5)]
    assert len(nearest_words(x, words, 99)) == 3
    with pytest.raises(InputError, match="x: want 3 columns"):
        nearest_words(np.ones(4), words, 1)


def test_no_groups_have_no_shares() -> None:
    found = group_shares(np.ones(3), np.zeros((0, 3)), np.eye(3))
    assert found.shares.shape == found.percentiles.shape == (0,)
