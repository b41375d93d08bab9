"""What is handed to people: the wheel, its licence, exact versions, and that the core needs no torch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import semascope

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LARGEST = 10_000_000  # bytes of the default encoder with its tokenizer


def bare(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_all_that_is_needed_to_run_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in ("py.typed", "cli/questions.jsonl", "encoders/default/NOTICE"):
        assert f"semascope/{wanted}" in names
    assert any(name.startswith("semascope/verdicts/") or "/verdicts/" in name for name in names)
    licences = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert licences >= {"LICENSE", "NOTICE"}
    assert {name.split("/")[0].split("-")[0] for name in names} == {"semascope"}
    assert [name for name in names if name.endswith((".pyc", ".pkl", ".pt"))] == []


def test_every_source_file_is_in_the_wheel(wheel: Path) -> None:
    source = ROOT / "src"
    wanted = {str(path.relative_to(source)) for path in source.rglob("*.py")}
    assert wanted <= set(zipfile.ZipFile(wheel).namelist())


def test_the_default_encoder_is_small_enough_to_ship(wheel: Path) -> None:
    inside = [
        info for info in zipfile.ZipFile(wheel).infolist() if info.filename.startswith("semascope/encoders/default/")
    ]
    assert 100_000 < sum(info.file_size for info in inside) <= LARGEST


def test_the_licence_is_the_whole_apache_licence_and_the_notice_names_the_weights() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "encoders/default/NOTICE" in (ROOT / "NOTICE").read_text()


def test_the_core_asks_for_six_packages_and_none_of_them_is_torch() -> None:
    needed = {bare(name) for name in PROJECT["project"]["dependencies"]}
    assert needed == {"numpy", "scipy", "scikit-learn", "tokenizers", "safetensors", "click"}


def test_constraints_are_exact_and_cover_every_requirement_with_torch_first() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert lines[0] == "torch==2.13.0"
    pinned = {bare(line) for line in lines}
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *extras["minilm"],
        *extras["hf"],
        *extras["parquet"],
    ]
    assert {bare(name) for name in asked} - pinned == set()


def test_the_version_is_in_one_place_and_the_command_says_it() -> None:
    from click.testing import CliRunner

    from semascope.cli import app

    said = CliRunner().invoke(app, ["--version"])
    assert said.output.strip() == f"semascope {semascope.__version__}"
    assert "version" in PROJECT["project"]["dynamic"]


@pytest.mark.parametrize("script", ["bin/demo", "bin/test", "bin/setup", ".ci/run"])
def test_the_scripts_are_posix_shell_that_stops_at_errors(script: str) -> None:
    path = ROOT / script
    assert path.read_text().startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in path.read_text()
    assert os.access(path, os.X_OK)
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


def test_continuous_integration_runs_what_a_person_runs() -> None:
    commands = [
        line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith(("#", "set"))
    ]
    assert commands == ['exec "$(dirname -- "$0")/../bin/test" "$@"']


@pytest.mark.slow
@pytest.mark.network
def test_a_wheel_in_a_fresh_environment_builds_and_searches_without_torch(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python, command = venv / "bin/python", venv / "bin/semascope"
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, wheel], check=True)
    absent = subprocess.run([python, "-c", "import torch"], check=False, capture_output=True)
    assert absent.returncode == 1
    help_ = subprocess.run([command, "--help"], check=True, capture_output=True, text=True).stdout
    assert "test bench for text embeddings" in " ".join(help_.split())
    texts = tmp_path / "texts.jsonl"
    rows = [
        "The cat sleeps on the warm sofa.",
        "Interest rates rose again this spring.",
        "Bread needs flour and water.",
    ]
    texts.write_text("".join(json.dumps({"id": str(at), "text": row}) + "\n" for at, row in enumerate(rows)))
    space = tmp_path / "texts.space"
    subprocess.run([command, "build", texts, "--out", space], check=True, cwd=tmp_path)
    found = subprocess.run(
        [command, "search", space, "how do I bake?", "--json"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert json.loads(found.stdout)[0]["id"] == "2"
