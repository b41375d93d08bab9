"""What other programs read otherwise in a model's folder is named; mended, it is the same model, and nothing is left to find."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.doctor import examine_folder
from semascope.encoders import Encoder
from semascope.encoders.huggingface.writing import write_sentence_transformers
from semascope.errors import UnknownNameError
from semascope.ops import file_digest
from semascope.report import Report

pytestmark = pytest.mark.filterwarnings("ignore::semascope.encoders.cutting.CutTextWarning")


@pytest.fixture(scope="module")
def tiny() -> Iterator[Any]:
    """The module that makes transformers of random weights for the tests of encoders."""
    place = str(Path(__file__).resolve().parents[1] / "encoders")
    sys.path.insert(0, place)
    import tiny_folders

    yield tiny_folders
    sys.path.remove(place)


@pytest.fixture(scope="module")
def peer_folder(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as Sentence Transformers writes it today."""
    place = tmp_path_factory.mktemp("model")
    bare = tiny.transformer_folder(place / "bare", "bert")
    model = tiny.sentence_transformer(bare, "mean", after=("unit",), max_length=32)
    model.save_pretrained(str(place / "model"))
    return place / "model"


@pytest.fixture(scope="module")
def ours(peer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as this project writes it."""
    place = tmp_path_factory.mktemp("ours") / "model"
    write_sentence_transformers(Encoder(peer_folder), place)
    return place


@pytest.fixture
def model(ours: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(ours, tmp_path / "model"))


def wrong(report: Report) -> dict[str, str]:
    return {one.name: one.level for one in report.findings if one.level in ("fault", "warning")}


def edit(file: Path, **values: Any) -> None:
    held = json.loads(file.read_text(encoding="utf-8"))
    held = {name: value for name, value in (held | values).items() if value != "gone"}
    file.write_text(json.dumps(held), encoding="utf-8")


def test_a_folder_as_this_project_writes_it_has_nothing_wrong(ours: Path) -> None:
    report = examine_folder(ours)
    assert wrong(report) == {}
    assert report.verdict == "Nothing wrong was found (mean, cut at 32 tokens, length one)."


def test_a_folder_of_todays_sentence_transformers_is_mended_and_gives_the_same_vectors(
    peer_folder: Path, tiny: Any, tmp_path: Path
) -> None:
    peer = pytest.importorskip("sentence_transformers")
    folder = Path(shutil.copytree(peer_folder, tmp_path / "model"))
    weights = file_digest(folder / "model.safetensors")
    texts = [*tiny.TEXTS, "read " * 60]
    before = peer.SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False)
    assert set(wrong(examine_folder(folder))) >= {"class paths", "pooling keys"}

    mended = examine_folder(folder, fix=True)

    assert mended.verdict.startswith("Mended ")
    assert wrong(mended) == {}
    after = peer.SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False)
    np.testing.assert_array_equal(before, after)
    assert file_digest(folder / "model.safetensors") == weights
    for name in ("modules.json", "1_Pooling/config.json"):
        kept = folder / f"{name}.before"
        assert kept.read_bytes() == (peer_folder / name).read_bytes()
    again = examine_folder(folder, fix=True)
    assert wrong(again) == {}
    assert not again.tables
    assert not list(folder.rglob("*.before2"))
    pooling = json.loads((folder / "1_Pooling/config.json").read_text())
    assert (pooling["pooling_mode"], pooling["pooling_mode_mean_tokens"], pooling["pooling_mode_cls_token"]) == (
        "mean",
        True,
        False,
    )
    assert json.loads((folder / "modules.json").read_text())[0]["type"] == "sentence_transformers.models.Transformer"


def cut_elsewhere(model: Path) -> None:
    truncation = {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
    edit(model / "tokenizer.json", truncation=truncation)


def no_length(model: Path) -> None:
    edit(model / "sentence_bert_config.json", max_seq_length="gone")
    edit(model / "tokenizer_config.json", model_max_length=10**30)


def booleans_gone(model: Path) -> None:
    edit(model / "1_Pooling/config.json", pooling_mode_cls_token="gone", pooling_mode_mean_tokens="gone")


MENDED = [
    (cut_elsewhere, "truncation in the tokenizer"),
    (no_length, "longest text"),
    (booleans_gone, "pooling keys"),
]


@pytest.mark.parametrize(("plant", "name"), MENDED, ids=[plant.__name__ for plant, _ in MENDED])
def test_what_a_small_file_can_mend_is_named_and_mended_once(
    plant: Callable[[Path], None], name: str, model: Path, tiny: Any
) -> None:
    plant(model)
    before = Encoder(model).encode(tiny.TEXTS)
    assert wrong(examine_folder(model)) == {name: "warning"}
    assert wrong(examine_folder(model, fix=True)) == {}
    np.testing.assert_array_equal(Encoder(model).encode(tiny.TEXTS), before)
    assert not examine_folder(model, fix=True).tables


def disagree(model: Path) -> None:
    edit(model / "1_Pooling/config.json", pooling_mode="cls")


def pickled(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")


def truncated(model: Path) -> None:
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-500])


def pointer(model: Path) -> None:
    (model / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")


def code(model: Path) -> None:
    edit(model / "config.json", auto_map={"AutoModel": "modeling.Model"})


def own_module(model: Path) -> None:
    modules = json.loads((model / "modules.json").read_text())
    modules[1]["type"] = "my_pooling.Pooling"
    (model / "modules.json").write_text(json.dumps(modules))


def no_pooling(model: Path) -> None:
    (model / "1_Pooling/config.json").unlink()


def broken(model: Path) -> None:
    (model / "1_Pooling/config.json").write_text("{")


def ids_beyond(model: Path) -> None:
    edit(model / "config.json", vocab_size=20)


FAULTS = [
    (disagree, "pooling keys"),
    (pickled, "pickled weights"),
    (truncated, "damaged weights"),
    (pointer, "missing files"),
    (code, "code"),
    (own_module, "code"),
    (no_pooling, "missing files"),
    (broken, "damaged file"),
    (ids_beyond, "vocabulary"),
]


@pytest.mark.parametrize(("plant", "name"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
def test_what_no_small_file_can_mend_is_a_fault_and_stays_untouched(
    plant: Callable[[Path], None], name: str, model: Path
) -> None:
    plant(model)
    held = {file: file_digest(file) for file in model.rglob("*") if file.is_file()}
    report = examine_folder(model, fix=True)
    assert wrong(report).get(name) == "fault"
    assert {file: file_digest(file) for file in model.rglob("*") if file.is_file()} == held


def test_a_tokenizer_without_its_fast_file_is_a_warning(model: Path) -> None:
    (model / "config.json").write_text((model / "config.json").read_text())
    held = json.loads((model / "tokenizer.json").read_text())["model"]["vocab"]
    (model / "vocab.txt").write_text("\n".join(sorted(held, key=held.get)) + "\n")
    (model / "tokenizer.json").unlink()
    assert wrong(examine_folder(model)) == {"tokenizer files": "warning"}


def test_prompts_without_a_default_are_a_note(model: Path) -> None:
    edit(model / "config_sentence_transformers.json", prompts={"query": "query: ", "document": "passage: "})
    report = examine_folder(model)
    assert wrong(report) == {}
    assert [one.level for one in report.findings if one.name == "prompts"] == ["note"]


def test_a_second_backup_does_not_overwrite_the_first(model: Path) -> None:
    booleans_gone(model)
    (model / "1_Pooling/config.json.before").write_text("the oldest")
    examine_folder(model, fix=True)
    assert (model / "1_Pooling/config.json.before").read_text() == "the oldest"
    assert (model / "1_Pooling/config.json.before2").is_file()


def test_a_folder_of_our_own_is_compared_with_its_hashes(tmp_path: Path) -> None:
    place = tmp_path / "ours"
    Encoder("default").save(place)
    assert wrong(examine_folder(place)) == {}
    with (place / "tokenizer.json").open("ab") as file:
        file.write(b" ")
    assert wrong(examine_folder(place)) == {"hashes": "fault"}


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="holds neither"):
        examine_folder(tmp_path)
    with pytest.raises(UnknownNameError, match="there is none"):
        examine_folder(tmp_path / "nowhere")
