"""Cards, the registry that finds them, and the lab that feeds their checks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from semascope import registry
from semascope.card import FAMILIES, Card, Claim, Evidence, Paper
from semascope.errors import InputError, MissingExtraError, OptionError, UnknownNameError
from semascope.lab import Lab
from semascope.recipe import Part

PAPER = Paper("A Study of the Öther Things", ("Zoë Ångström", "B. Two"), 2020, "https://example.org")


def test_a_paper_is_one_bibtex_entry_with_an_ascii_key() -> None:
    entry = PAPER.bibtex
    assert entry.startswith("@misc{angstrom2020study,\n")
    assert entry.endswith("\n}")
    assert "  title = {{A Study of the Öther Things}},\n" in entry
    assert "  author = {Zoë Ångström and B. Two},\n" in entry
    assert "  year = {2020},\n" in entry
    assert entry.count("{") == entry.count("}")


def test_every_method_has_a_bibtex_entry_that_is_well_formed() -> None:
    entries = [paper.bibtex for card in registry.cards().values() for paper in card.papers]
    assert len(entries) >= 10
    for entry in entries:
        assert re.fullmatch(r"@misc\{[a-z]+\d{4}[a-z]+,\n(  [a-z]+ = \{.+\},\n)+\}", entry), entry


def test_a_family_nobody_knows_is_refused() -> None:
    claim = Claim("Nothing.", lambda *_: Evidence(True, {}))
    with pytest.raises(InputError, match="family: want one of pooling"):
        Card(object, "nonsense", (), (), claim)  # type: ignore[arg-type]


def test_names_are_the_files_of_the_families() -> None:
    root = Path(registry.__file__).parent
    files = {path.stem for family in FAMILIES for path in (root / family).glob("[!_]*.py")}
    assert set(registry.names()) >= files
    assert list(registry.names()) == sorted(registry.names())
    assert {"mean", "max", "first", "last", "weighted", "whiten", "remove_top", "truncate", "int8", "one_bit"} <= files


def test_near_names_are_suggested() -> None:
    for wrong, right in {"whitten": "whiten", "onebit": "one_bit", "Mena": "mean"}.items():
        with pytest.raises(UnknownNameError, match=f"did you mean '{right}'"):
            registry.card(wrong)
    with pytest.raises(UnknownNameError, match="there is none called 'zzzzzz' "):
        registry.find("zzzzzz")


def test_a_class_is_found_by_its_own_name() -> None:
    assert registry.card("OneBit") is registry.card("one_bit")
    assert type(registry.make("RemoveTop(n_removed=2)")).__name__ == "RemoveTop"


def test_a_name_finds_its_card_and_a_key_all_that_have_it() -> None:
    assert [card.name for card in registry.find("mean")] == ["mean"]
    for card in registry.cards().values():
        for key in card.keys:
            assert card in registry.find(key)


def test_recipe_text_builds_a_method_with_its_options() -> None:
    assert registry.make("whiten(n_components=8)").get_params() == {"n_components": 8, "shrink": "auto"}
    assert registry.make("truncate(3)").n_components == 3
    assert registry.make(Part("one_bit", options={"random_state": 5})).random_state == 5
    assert registry.make("mean") == registry.make("mean()")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("whiten | int8", "want one method, got 2"),
        ("mean[1]", "layers behind a backbone only"),
        ("whiten(k=3)", "whiten: .*unexpected keyword argument 'k'"),
        ("int8(3)", "int8: "),
        ("mean(1)", "mean: "),
    ],
)
def test_text_that_builds_nothing_says_why(text: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        registry.make(text)


@pytest.mark.parametrize("text", ["registry", "__init__", "nothing(whiten)", "os"])
def test_only_methods_are_built(text: str) -> None:
    with pytest.raises(UnknownNameError):
        registry.make(text)


def test_plugins_are_found_and_a_name_taken_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    def installed(value: str) -> None:
        found = (EntryPoint("any", value, "semascope.methods"),)
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == "semascope.methods" else ())
        registry.names.cache_clear()

    try:
        installed("somebody.else.turn")
        assert registry.names()["turn"] == "somebody.else.turn"
        installed("somebody.else.whiten")
        with pytest.raises(
            OptionError, match=r"two modules have that name: semascope\.transforms\.whiten and somebody"
        ):
            registry.names()
    finally:
        monkeypatch.undo()
        registry.names.cache_clear()


# ---- the lab ------------------------------------------------------------------------------------

TEXTS = [f"text number {i} has as many as {i % 12} words" + " more" * (i % 12) for i in range(50)]


def test_the_lab_is_a_function_of_its_seed() -> None:
    for verb in ("vectors", "anisotropic", "states"):
        first, again, other = (getattr(Lab(seed), verb)() for seed in (1, 1, 2))
        arrays = [getattr(out, "hidden", out[0] if isinstance(out, tuple) else out) for out in (first, again, other)]
        np.testing.assert_array_equal(arrays[0], arrays[1])
        assert arrays[0].shape != arrays[2].shape or not np.array_equal(arrays[0], arrays[2])
    assert Lab(1, texts=lambda: TEXTS).sentences(5) == Lab(1, texts=lambda: TEXTS).sentences(5)
    assert Lab(1, texts=lambda: TEXTS).sentences(5) != Lab(2, texts=lambda: TEXTS).sentences(5)


def test_sentences_are_different_ones_and_never_too_few() -> None:
    lab = Lab(0, texts=lambda: [*TEXTS, *TEXTS])
    assert len(set(lab.sentences(50))) == 50
    with pytest.raises(InputError, match="texts: want at least 51 different ones of 1 or more words, got 50"):
        lab.sentences(51)
    assert all(len(sentence.split()) >= 12 for sentence in lab.sentences(10, words=12))


def test_halves_share_the_words_of_a_sentence_between_them() -> None:
    lab = Lab(0, texts=lambda: TEXTS)
    left, right = lab.halves(20)
    for sentence, a, b in zip(lab.sentences(20, salt=1, words=8), left, right, strict=True):
        assert sorted([*a.split(), *b.split()]) == sorted(sentence.split())
        assert abs(len(a.split()) - len(b.split())) <= 1


def test_states_of_the_lab_have_the_shapes_they_promise() -> None:
    states = Lab(3).states(n=5, longest=7, dim=4, layers=3)
    assert states.hidden.shape == (3, states.offsets[-1], 4)
    assert states.lengths.max() == 7
    assert states.lengths.min() >= 1
    assert states.layers == (-3, -2, -1)
    topics, before = Lab(3).contextual(attends="before", n=30)
    assert len(topics) == len(before) == 30
    last = before.hidden[0][before.offsets[1:] - 1]
    assert np.square(last - topics).mean() < np.square(before.hidden[0][before.offsets[:-1]] - topics).mean() / 5


def test_a_lab_without_encoder_or_texts_says_so() -> None:
    with pytest.raises(MissingExtraError, match="encoder 'default': this lab was given none"):
        Lab().encoder("default")
    with pytest.raises(MissingExtraError, match="texts: this lab was given none"):
        Lab().sentences(1)
