"""Made-up messages, and vectors that hold every word of them."""

from __future__ import annotations

import numpy as np
import pytest
from hashing import HashingEncoder
from made_up_messages import Messages, messages


@pytest.fixture(scope="session")
def some() -> Messages:
    return messages(420)


@pytest.fixture(scope="session")
def telling(some: Messages) -> np.ndarray:
    """Vectors that hold nearly every word: sums of the words' random directions, more columns than words."""
    return HashingEncoder(256, normalize=False).encode(some.texts)


@pytest.fixture(scope="session")
def telling_encoder() -> HashingEncoder:
    return HashingEncoder(256, normalize=False)
