"""One million short texts stream through a build in bounded memory, and what they become opens at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from semascope.space import Space

COUNT = int(os.environ.get("SEMASCOPE_MILLION", "1000000"))

# Six to fourteen words each, drawn from 20,000 made-up ones with the frequencies of Zipf's law; nothing keeps a text
# once it was yielded. Memory is what the process has to itself: mapped files are the system's to drop.
_BUILD = """
import json, sys, threading, time
import numpy as np
from semascope import Corpus, Encoder, Space

def texts(count):
    rng = np.random.default_rng(0)
    made = ["".join(rng.choice(list("bcdfglmnprstv")) + rng.choice(list("aeiou")) for _ in range(1 + i % 4)) + str(i % 7)
            for i in range(20_000)]
    share = 1 / np.arange(1, 20_001)
    steps = np.cumsum(share / share.sum())
    for _ in range(count // 1000):
        words = np.searchsorted(steps, rng.random((1000, 14)))
        for row, length in zip(words.tolist(), rng.integers(6, 15, 1000).tolist()):
            yield " ".join(made[min(word, 19_999)] for word in row[:length])

def own():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

folder, count = sys.argv[1], int(sys.argv[2])
encoder = Encoder("default")
encoder.encode(["one text loads what there is to load"])
start, peak, stop = own(), [0], threading.Event()

def watch():
    while not stop.wait(0.02):
        peak[0] = max(peak[0], own())

watcher = threading.Thread(target=watch)
watcher.start()
began, spent = time.time(), time.process_time()
Space.build(Corpus(lambda: texts(count), name="million"), encoder, folder).close()
stop.set()
watcher.join()
print(json.dumps({"before_mb": start / 1024, "peak_mb": peak[0] / 1024, "seconds": time.time() - began,
                  "cpu": time.process_time() - spent}))
"""


@pytest.mark.slow
def test_a_million_texts_are_built_in_bounded_memory_and_open_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    code = [sys.executable, "-c", _BUILD, str(folder), str(COUNT)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    with Space.open(folder):
        pass  # what only the first opening of a process pays, such as imports, is not the Space's
    began = time.perf_counter()
    with Space.open(folder) as space:
        said["opened_ms"] = (time.perf_counter() - began) * 1000
        info = space.info()
        assert info["documents"] == COUNT
        assert info["complete"]
        said |= {"bytes": info["bytes"], "segments": next(iter(info["encodings"].values()))["segments"]}
        for mode in ("hybrid", "dense", "lexical"):
            began = time.perf_counter()
            assert len(space.search("ba1 do2 some words", 10, mode=mode)) == 10
            said[f"first_{mode}_ms"] = (time.perf_counter() - began) * 1000
            began = time.perf_counter()
            assert len(space.search("di3 fu4 other words", 10, mode=mode)) == 10
            said[f"{mode}_ms"] = (time.perf_counter() - began) * 1000
    print(json.dumps(said))
    # The vectors alone are 1,024 MB.
    assert said["peak_mb"] - said["before_mb"] < 400
