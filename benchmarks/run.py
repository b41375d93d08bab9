"""Measure ourselves and our peers, each in its own environment, one after the other in several rounds.

python benchmarks/run.py SUITE... [--rounds 5] [--env PEER=VENV ...] [--only PEER ...] [--dry]
python benchmarks/run.py frames|million|overload|precision|questions|retrieval [options of that script]

See README.md in this folder for how a worker looks. The table of a suite replaces the last one in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "benchmarks.md"
OURS = "semascope"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS")
ONE_THREAD = dict.fromkeys(_THREADS, "1") | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
# Measurements without peers: what they print goes into the page as it is. Options they take are passed on.
ALONE = {
    "frames": HERE / "map_frames.py",
    "overload": HERE / "serve_overload.py",
    "million": HERE / "search" / "_million.py",
    "precision": HERE / "precision.py",
    "questions": HERE / "questions.py",
    "retrieval": HERE / "retrieval.py",
}
# Suites in which several of ours stand against one peer: the ratios are to that peer.
AGAINST = {"transformer": "sentence_transformers"}
# Suites whose servers have all cores; everything else runs on one thread.
FREE = {"serve", "overload"}
_HEAD = re.compile(r"(?m)^# /// script\n((?:#.*\n)+?)# ///$")


@dataclass
class Worker:
    """One peer of a suite: its script, what it needs, and every number it has printed."""

    script: Path
    needs: list[str]
    python: Path = Path(sys.executable)
    peer: str = ""
    rounds: list[dict[str, float]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.peer or self.script.stem


def workers(suite: str) -> list[Worker]:
    """The workers of a suite, ours first."""
    folder = HERE / suite
    if not folder.is_dir():
        raise SystemExit(f"suite: want one of {', '.join(suites())}; got {suite!r}")
    found = [Worker(path, needs(path)) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    return sorted(found, key=lambda worker: worker.script.stem != "ours")


def suites() -> list[str]:
    return sorted(path.name for path in HERE.iterdir() if path.is_dir() and any(path.glob("[!_]*.py")))


def needs(script: Path) -> list[str]:
    """The packages a worker names in its head."""
    match = _HEAD.search(script.read_text())
    if match is None:
        return [OURS]
    body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in match[1].splitlines())
    return list(tomllib.loads(body).get("dependencies", []))


def environment(worker: Worker, given: dict[str, str]) -> Path:
    """The interpreter of a worker: of the environment given for it, or of one made for it once."""
    stem = worker.script.stem
    if stem in given:
        return interpreter(Path(given[stem]))
    if worker.needs == [OURS] and OURS in given:
        return interpreter(Path(given[OURS]))
    venv = ROOT / ".bench" / stem
    ready = venv / ".ready"
    want = json.dumps(worker.needs)
    if not (ready.is_file() and ready.read_text() == want):
        print(f"making {venv} with {', '.join(worker.needs)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        packages = [item for need in worker.needs for item in (["--editable", str(ROOT)] if need == OURS else [need])]
        pip = [str(interpreter(venv)), "-m", "pip", "install", "--quiet", "--quiet"]
        subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), *packages], check=True)
        ready.write_text(want)
    return interpreter(venv)


def interpreter(venv: Path) -> Path:
    path = venv / "bin" / "python"
    if not path.exists():
        raise SystemExit(f"env: want a virtual environment, got {venv}, which has no bin/python")
    return path


def worker_env() -> dict[str, str]:
    """One thread, no network, and the suites importable as packages (`from encode._measure import measure`)."""
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": str(HERE)}


def execute(python: Path, script: Path, work: Path) -> dict[str, object]:
    """One run of a worker; what it printed last."""
    done = subprocess.run(
        [str(python), "-P", str(script), "--work", str(work)],
        env=worker_env(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{script.relative_to(HERE)}: ended with {done.returncode}; it said:\n{done.stdout}")
    return json.loads(lines[-1])


def measure(suite: str, rounds: int, given: dict[str, str], only: Sequence[str]) -> list[Worker]:
    """Run every worker of a suite `rounds` times, in turn."""
    every = [worker for worker in workers(suite) if not only or worker.script.stem in only]
    for worker in every:
        worker.python = environment(worker, given)
    work = ROOT / ".bench" / "work" / suite
    work.mkdir(parents=True, exist_ok=True)
    prepare = HERE / suite / "_prepare.py"
    if prepare.is_file():
        command = [str(every[0].python), "-P", str(prepare), "--work", str(work)]
        subprocess.run(command, env=worker_env(), check=True)
    for number in range(rounds):
        for worker in every:
            said = execute(worker.python, worker.script, work)
            worker.peer = str(said.get("peer", worker.script.stem))
            worker.rounds.append({name: float(value) for name, value in dict(said["numbers"]).items()})
            worker.versions |= {name: str(value) for name, value in dict(said.get("versions", {})).items()}
            print(f"{suite} {number + 1}/{rounds} {worker.name}: {worker.rounds[-1]}", file=sys.stderr)
    agree(every)
    return every


def agree(every: list[Worker]) -> None:
    """What the workers say must be the same (a hash or figure called `same ...`) must be the same."""
    for name in {name for worker in every for name in worker.rounds[0] if name.startswith("same ")}:
        values = {worker.name: worker.rounds[0][name] for worker in every if name in worker.rounds[0]}
        if max(values.values()) - min(values.values()) > 1e-3:
            raise SystemExit(f"{name}: the peers differ, so their times cannot be compared: {values}")


def alone(name: str, options: Sequence[str]) -> str:
    """The section of a measurement without peers."""
    told = " ".join(["python", str(ALONE[name].relative_to(ROOT)), *options])
    if name == "million" and "--work" not in options:
        work = ROOT / ".bench" / "work" / name
        work.mkdir(parents=True, exist_ok=True)
        options = [*options, "--work", str(work)]
    command = [sys.executable, str(ALONE[name]), *options]
    said = subprocess.run(command, env=worker_env(), stdout=subprocess.PIPE, text=True, check=True).stdout.rstrip()
    about = (
        f"`{told}` on {dt.datetime.now(dt.UTC):%Y-%m-%d}: {threads(name)}, {processor()}, "
        f"Python {platform.python_version()}."
    )
    return "\n".join([f"## {name}", "", about, "", "```text", said, "```", ""])


def report(suite: str, every: list[Worker], command: str) -> str:
    """The suite's section of the page."""
    ours = every[0].rounds
    pivot = next((worker for worker in every if worker.script.stem == AGAINST.get(suite)), None)
    names = list(dict.fromkeys(name for worker in every for name in worker.rounds[0]))
    ratios = "ours / theirs" if pivot is None else f"times {pivot.name}"
    rows = [f"| measured | who | median | lowest to highest | {ratios} |", "| --- | --- | ---: | ---: | ---: |"]
    for name in names:
        base = [round_[name] for round_ in (pivot.rounds if pivot else ours) if name in round_]
        for place, worker in enumerate(every):
            values = [round_[name] for round_ in worker.rounds if name in round_]
            if not values:
                continue
            middle = statistics.median(values)
            ratio = ""
            if base and middle and (worker is not pivot if pivot else place):
                ratio = f"{middle / statistics.median(base) if pivot else statistics.median(base) / middle:.2f}"
            rows.append(
                f"| {name} | {worker.name} | {show(middle)} | {show(min(values))} to {show(max(values))} | {ratio} |"
            )
    versions = {name: version for worker in every for name, version in worker.versions.items()}
    said = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    about = (
        f"`{command}` on {dt.datetime.now(dt.UTC):%Y-%m-%d}: {len(ours)} rounds in turn, {threads(suite)}, "
        f"{processor()}, Python {platform.python_version()}{', ' + said if said else ''}."
    )
    return "\n".join([f"## {suite}", "", about, "", *rows, ""])


def threads(suite: str) -> str:
    return "as many threads as it likes" if suite in FREE else "one thread"


def show(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"


def processor() -> str:
    """What the processor calls itself, and how many of it this machine may use."""
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        info = ""
    match = re.search(r"model name\s*:\s*(.+)", info)
    return f"{match[1].strip() if match else platform.processor() or 'unknown processor'} ({os.cpu_count()} cores)"


def write(suite: str, section: str) -> None:
    """Put a suite's section into the page, in the place of its last one."""
    head = "# Benchmarks\n\nEach table was written by the command above it. Ratios compare medians of the same run.\n"
    page = PAGE.read_text() if PAGE.is_file() else head
    pattern = re.compile(rf"(?ms)^## {re.escape(suite)}\n.*?(?=^## |\Z)")
    page = pattern.sub(lambda _: section + "\n", page) if pattern.search(page) else page.rstrip("\n") + "\n\n" + section
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page.rstrip("\n") + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", metavar="SUITE", help=", ".join([*suites(), *ALONE]))
    parser.add_argument("--rounds", type=int, default=5, help="runs of every worker (5)")
    parser.add_argument("--env", action="append", default=[], metavar="PEER=VENV")
    parser.add_argument("--only", action="append", default=[], metavar="PEER")
    parser.add_argument("--dry", action="store_true", help="print the table, leave the page as it is")
    args, options = parser.parse_known_args()
    if options and not set(args.suites) <= set(ALONE):
        parser.error(f"only {', '.join(ALONE)} take options of their own, got {' '.join(options)}")
    given = dict(pair.split("=", 1) for pair in args.env)
    for suite in args.suites:
        if suite in ALONE:
            section = alone(suite, options)
        else:
            every = measure(suite, args.rounds, given, args.only)
            section = report(suite, every, f"python benchmarks/run.py {suite} --rounds {args.rounds}")
        print(section)
        if not args.dry:
            write(suite, section)


if __name__ == "__main__":
    main()
