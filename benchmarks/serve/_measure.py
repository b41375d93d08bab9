"""What every server of this suite is asked: the highest rate of requests at which 95 of 100 are answered in time."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from serve._client import ask, closed, requests

CONNECTIONS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
SECONDS = 4.0
# What is asked at once -> texts, and the seconds in which 95 of 100 requests have to be answered.
SIZES = {"one text": (1, 0.1), "16 texts": (16, 1.0)}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def server(command: Sequence[str], port: int, patience: float = 120.0) -> Generator[subprocess.Popen[bytes]]:
    """A server in a process of its own, from when it listens until it is told to stop."""
    said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
    # A server has the whole machine, as it has it in use: the one thread of these benchmarks is not for it.
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=free)
    try:
        until = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > until:
                said.seek(0)
                raise SystemExit(f"{' '.join(command)}: did not start\n{said.read().decode()}")
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        said.close()


def measure(peer: str, command: Callable[[int], list[str]], model: str, versions: dict[str, str]) -> None:
    """Start the server, load it, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    work = parser.parse_args().work
    texts = json.loads((work / "texts.json").read_text())
    port = free_port()
    with server(command(port), port) as process:
        numbers = asyncio.run(_numbers(port, texts, model))
        numbers["memory after, MB"] = _memory(process.pid)
    print(json.dumps({"peer": peer, "numbers": numbers, "versions": versions}))


async def _numbers(port: int, texts: list[str], model: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, (size, limit) in SIZES.items():
        parts = [texts[at : at + size] for at in range(0, len(texts), size)]
        work = requests(
            "/v1/embeddings",
            [{"model": model, "input": part if size > 1 else part[0], "encoding_format": "base64"} for part in parts],
        )
        await closed(port, work, 4, 2.0)
        best, at, alone = 0.0, 0, 0.0
        for connections in CONNECTIONS:
            said = await closed(port, work, connections, SECONDS)
            if said.others:
                raise SystemExit(f"{said.others}: answers that are none")
            alone = alone or said.quantile(0.5)
            if said.quantile(0.95) > limit and connections > 1:
                break
            if said.rate > best and said.quantile(0.95) <= limit:
                best, at = said.rate, connections
        numbers[f"{name}: requests per second at p95 <= {limit * 1e3:g} ms"] = best
        numbers[f"{name}: connections then"] = at
        numbers[f"{name}: milliseconds alone, median"] = alone * 1e3
    numbers["same vectors"] = round(await _sum(port, texts[0], model), 3)
    return numbers


async def _sum(port: int, text: str, model: str) -> float:
    """Of the absolute values of a text's vector: the servers must give the same."""
    import numpy as np

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = {"model": model, "input": text, "encoding_format": "base64"}
    _, data = await ask(reader, writer, requests("/v1/embeddings", [body])[0])
    writer.close()
    row = np.frombuffer(base64.b64decode(json.loads(data)["data"][0]["embedding"]), dtype="<f4")
    return float(np.abs(row / np.linalg.norm(row)).sum())


def _memory(pid: int) -> float:
    with Path(f"/proc/{pid}/status").open() as lines:
        return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmRSS"))
