"""A small model is trained, kept, found again, and gone on with after an interruption; nothing half-written is ever there."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from little import NAMES, little, sentences

from semascope.errors import CorruptError, InputError, LockedError, OptionError, StoreError, UnknownNameError
from semascope.ops import file_digest, model_folder
from semascope.training import describe, find_model, make_model, models, plan
from semascope.training.loop import checkpoints, schedule, states

HERE = Path(__file__).resolve().parent
WEIGHTS = "model.safetensors"


def card(folder: Path) -> dict:
    return json.loads((folder / "semascope.json").read_text())


def stopped_after(step: int):
    """A progress callback in which somebody presses Ctrl-C after that step."""

    def tick(done: int, total: int | None) -> None:
        if done == step:
            raise KeyboardInterrupt

    return tick


@pytest.mark.parametrize("name", NAMES)
def test_training_lowers_the_loss_and_the_card_says_how(made, name: str) -> None:
    found = card(made[name])
    losses = [loss for _, loss in found["losses"]]
    assert [step for step, _ in found["losses"]] == [10, 20, 30, 40]
    assert losses[-1] < losses[0] - 0.3
    assert found["measured"]["unigram_loss"] > 0
    assert found["name"] == name
    assert found["settings"] == little(name).settings()
    assert (found["steps"], found["seed"], found["text"]) == (40, 0, "texts")
    assert found["held_out_texts"] >= 1
    assert found["seconds"] > 0
    assert {"torch", "transformers", "tokenizers"} == found["versions"].keys()


@pytest.mark.parametrize("name", ["tiny_gpt", "tiny_bert", "tiny_gpt_ciphered"])
def test_what_was_learnt_beats_counting_tokens_on_texts_held_out(made, name: str) -> None:
    found = card(made[name])["measured"]
    assert found["loss"] < found["unigram_loss"]
    assert found["perplexity"] == pytest.approx(np.exp(found["loss"]), rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_holds_what_hugging_face_folders_hold_and_nothing_unfinished(made, name: str) -> None:
    there = {path.name for path in made[name].iterdir()}
    usual = {"config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json", "README.md", "semascope.json"}
    kept = {f"checkpoint-{step}" for step in (0, 5, 10, 20)}
    assert there - {"generation_config.json"} == usual | kept
    assert [path.name for path in made[name].parent.glob("*.part")] == []
    for step in kept:
        assert (made[name] / step / WEIGHTS).is_file()
        assert (made[name] / step / "tokenizer.json").is_file()
    assert f"--make {name}" in (made[name] / "README.md").read_text()


def test_two_runs_give_the_same_bits_and_another_seed_gives_others(made, texts, tmp_path: Path) -> None:
    again = make_model(little("tiny_gpt"), texts, out=tmp_path / "again", device="cpu")
    for name in (WEIGHTS, "tokenizer.json", "config.json", "checkpoint-0/" + WEIGHTS):
        assert file_digest(again / name) == file_digest(made["tiny_gpt"] / name)
    other = make_model(little("tiny_gpt"), texts, out=tmp_path / "other", device="cpu", seed=1)
    assert file_digest(other / WEIGHTS) != file_digest(again / WEIGHTS)
    assert file_digest(other / "checkpoint-0" / WEIGHTS) != file_digest(again / "checkpoint-0" / WEIGHTS)


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_run_goes_on_and_ends_in_the_same_bits(made, texts, tmp_path: Path, name: str) -> None:
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        make_model(little(name), texts, out=out, device="cpu", progress=stopped_after(27))
    assert not out.exists()
    assert [path.name for path in states(tmp_path / "model.part")] == ["state-000020"]
    seen: list[int] = []
    make_model(little(name), texts, out=out, device="cpu", progress=lambda done, _: seen.append(done))
    assert seen == list(range(21, 41))
    assert card(out)["losses"] == card(made[name])["losses"]
    for file in (WEIGHTS, "checkpoint-20/" + WEIGHTS, "checkpoint-5/" + WEIGHTS):
        assert file_digest(out / file) == file_digest(made[name] / file)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".model.lock"] == ["model"]


def test_a_killed_run_leaves_no_model_and_goes_on_to_the_same_bits(made, tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "import torch; torch.set_num_threads(1)\n"
        "import time\n"
        "from little import little, sentences\n"
        "from semascope.training import make_model\n"
        "make_model(little('tiny_gpt'), sentences(), out=sys.argv[1], device='cpu', progress=lambda done, total: time.sleep(0.05))"
    )
    out = tmp_path / "model"
    running = subprocess.Popen([sys.executable, "-c", script, str(out)])
    try:
        deadline = time.monotonic() + 120
        while not states(tmp_path / "model.part") and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    finally:
        running.kill()
        assert running.wait() == -signal.SIGKILL
    assert not out.exists()
    seen: list[int] = []
    make_model(little("tiny_gpt"), sentences(), out=out, device="cpu", progress=lambda done, _: seen.append(done))
    assert seen[0] > 1
    assert file_digest(out / WEIGHTS) == file_digest(made["tiny_gpt"] / WEIGHTS)


def test_a_half_written_state_is_passed_over_and_a_damaged_one_is_said(texts, tmp_path: Path) -> None:
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        make_model(little("tiny_gpt"), texts, out=out, device="cpu", progress=stopped_after(12))
    aside = tmp_path / "model.part"
    (aside / "state.part").mkdir()
    (aside / "state.part" / "state.safetensors").write_bytes(b"half")
    with pytest.raises(KeyboardInterrupt):
        make_model(little("tiny_gpt"), texts, out=out, device="cpu", progress=stopped_after(14))
    state = aside / "state-000010" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(CorruptError, match="delete it to begin anew"):
        make_model(little("tiny_gpt"), texts, out=out, device="cpu")
    assert not out.exists()


def test_what_was_made_is_found_again_without_training(made, texts) -> None:
    def no_step(done: int, total: int | None) -> None:
        raise AssertionError

    folder = made["tiny_gpt"]
    before = (folder / WEIGHTS).stat().st_mtime_ns
    assert make_model(little("tiny_gpt"), texts, out=folder, progress=no_step) == folder
    assert (folder / WEIGHTS).stat().st_mtime_ns == before


def test_other_text_steps_or_seed_are_another_model_beside_the_first(texts, cache: Path) -> None:
    short = little("tiny_gpt", steps=2)
    first = make_model(short, texts)
    assert first.parent == cache / "models"
    assert first.name.startswith("tiny_gpt-")
    others = {
        make_model(short, texts[:200]),
        make_model(short, texts, steps=3),
        make_model(short, texts, seed=1),
        make_model(replace(short, heads=4), texts),
    }
    assert len({first} | others) == 5
    assert make_model(short, texts) == first
    assert find_model("tiny_gpt") is None
    assert {row["name"] for row in models() if row["made"]} == {path.name for path in {first} | others}


def test_the_usual_model_lies_under_its_name_and_is_made_anew_only_when_its_plan_has_changed(made, cache: Path) -> None:
    folder = model_folder("tiny_gpt")
    assert folder == cache / "models" / "tiny_gpt"
    assert find_model("tiny_gpt") is None
    folder.parent.mkdir(parents=True)
    folder.symlink_to(made["tiny_gpt"])
    assert find_model("tiny_gpt") == folder
    row = next(row for row in models() if row["name"] == "tiny_gpt")
    assert row["made"]
    assert row["outdated"]  # it is of another size than the plan says
    assert row["bytes"] == (folder / WEIGHTS).stat().st_size


def test_a_folder_without_its_card_or_weights_is_no_model(made, cache: Path) -> None:
    folder = model_folder("tiny_bert")
    folder.mkdir(parents=True)
    assert find_model("tiny_bert") is None
    (folder / "semascope.json").write_text((made["tiny_bert"] / "semascope.json").read_text())
    assert find_model("tiny_bert") is None
    (folder / WEIGHTS).write_bytes(b"x")
    assert find_model("tiny_bert") == folder
    (folder / "semascope.json").write_text("{")
    assert find_model("tiny_bert") is None
    assert describe(folder)["made"] is False


def test_a_taken_folder_is_refused_and_stays_as_it_is(made, texts, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match=r"^out: .*something else"):
        make_model(little("tiny_gpt"), texts, out=tmp_path / "mine")
    (tmp_path / "new.part").mkdir()
    (tmp_path / "new.part" / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match=r"^out: "):
        make_model(little("tiny_gpt"), texts, out=tmp_path / "new")
    with pytest.raises(StoreError, match=r"^out: .*another model"):
        make_model(little("tiny_gpt"), texts[:250], out=made["tiny_gpt"])
    assert (
        (tmp_path / "mine" / "letter.txt").read_text() == (tmp_path / "new.part" / "letter.txt").read_text() == "dear"
    )


def test_fresh_makes_a_model_anew_in_its_place(texts, tmp_path: Path) -> None:
    short = little("tiny_gpt", steps=2)
    folder = make_model(short, texts, out=tmp_path / "model")
    (folder / "note").write_text("old")
    assert make_model(short, texts, out=folder) == folder
    assert (folder / "note").is_file()
    make_model(short, texts, out=folder, fresh=True)
    assert not (folder / "note").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.lock", "model"]


def test_one_process_at_a_time_makes_a_model(texts, tmp_path: Path) -> None:
    with (tmp_path / ".model.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LockedError, match="another process"):
            make_model(little("tiny_gpt"), texts, out=tmp_path / "model")
    assert not (tmp_path / "model.part").exists()


@pytest.mark.parametrize(
    ("how", "kind", "says"),
    [
        ({"name": "tiny_gtp"}, UnknownNameError, r"^name: want one of tiny_gpt, .*got 'tiny_gtp'"),
        ({"texts": []}, InputError, r"^texts: want at least two"),
        ({"texts": ["only one"]}, InputError, r"^texts: want at least two different texts, got 1"),
        ({"texts": ["a", "b"]}, InputError, r"^texts: want at least 24 tokens"),
        ({"texts": ["", " \n "]}, InputError, r"^texts: want at least two"),
        ({"texts": Path("nothing-here.txt")}, UnknownNameError, "nothing-here.txt"),
        ({"steps": 0}, OptionError, r"^steps: want at least 1, got 0"),
        ({"steps": 5, "minutes": 1.0}, OptionError, r"^minutes: want steps or minutes"),
        ({"minutes": 0.0}, OptionError, r"^minutes: want more than 0"),
        ({"seed": -1}, OptionError, r"^seed: "),
        ({"device": "tpu"}, OptionError, r"^device: want one of auto, cpu, cuda; got 'tpu'"),
    ],
)
def test_what_is_wrong_is_named_and_leaves_nothing_behind(how: dict, kind: type, says: str, texts, cache: Path) -> None:
    with pytest.raises(kind, match=says):
        make_model(**{"name": little("tiny_gpt"), "texts": texts, **how})
    assert list(cache.rglob("*.safetensors")) == []
    assert models()[0]["made"] is False


def test_minutes_become_steps_once_and_are_kept_by_a_run_that_goes_on(texts, tmp_path: Path) -> None:
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        make_model(little("tiny_gpt"), texts, out=out, minutes=0.01, progress=stopped_after(5))
    (tmp_path / "model.part" / "steps").write_text("12")
    totals: set[int | None] = set()
    make_model(little("tiny_gpt"), texts, out=out, minutes=0.01, progress=lambda _, total: totals.add(total))
    assert totals == {12}
    assert card(out)["steps"] == 12


def test_losses_are_told_every_ten_steps_and_the_global_random_state_is_left_alone(texts, tmp_path: Path) -> None:
    import torch

    told: list[int] = []
    before = torch.random.get_rng_state()
    make_model(little("tiny_gpt", steps=23), texts, out=tmp_path / "m", heard=lambda step, _: told.append(step))
    assert told == [10, 20, 23]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_rate_rises_then_falls_and_checkpoints_lie_on_the_way() -> None:
    rates = [schedule(step, 1000) for step in range(1000)]
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) < 60
    assert rates[0] < 0.05
    assert rates[-1] < 0.05
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert checkpoints(1000) == (0, 125, 250, 500)
    assert checkpoints(1) == (0,)


def test_finding_a_model_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom semascope.training import find_model, models\nfind_model('tiny_gpt'); models()\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'transformers', 'tokenizers', 'safetensors', 'sklearn', 'scipy'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.strip() == ""


def test_every_plan_is_within_one_and_ten_million_parameters_as_its_folder_says() -> None:
    for name in NAMES:
        p = plan(name)
        blocks = p.layers * (2 if p.objective == "denoising" else 1)
        rough = p.vocabulary * (2 if p.ciphered else 1) * p.dim + blocks * (4 * p.dim**2 + 2 * p.dim * p.inner)
        assert 1e6 < rough < 1e7
