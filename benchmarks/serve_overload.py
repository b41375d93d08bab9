"""Ten times more requests than a server can answer: what is accepted, refused and lost, how much memory it takes, how soon it recovers.

Run: python benchmarks/serve_overload.py [--model default] [--texts 16] [--seconds 20] [--factor 10] [--json]

Starts `semascope serve` as a process of its own on a free port. First the capacity is measured (closed loop: 16 connections, each asking again when
it has its answer). Then requests are offered at `factor` times that rate, whether or not those before are answered (open loop), over 1,000 connections
that were opened before; one that cannot be sent because all of them wait for an answer is counted as not offered. After that, one request after the
other: the time until ten in a row are answered as fast as before the overload. Accepted is what was answered with 200; refused with 429
or 503; lost is everything else: a connection that was cut, an answer that is not whole, another status.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

CONNECTIONS = 1_000
WARM, MEASURED = 1.0, 4.0  # seconds of the closed loop, and of the quiet time before


@dataclass
class Result:
    """What came of it. Times in milliseconds, memory in MB."""

    model: str = ""
    texts: int = 0
    capacity: float = 0.0  # answers a second
    offered: float = 0.0  # requests a second
    not_offered: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0
    what_was_lost: dict[str, int] = field(default_factory=dict)
    p50_before: float = 0.0
    p95_before: float = 0.0
    p50_overload: float = 0.0
    p95_overload: float = 0.0
    p95_refusal: float = 0.0
    memory_before: float = 0.0
    memory_most: float = 0.0
    memory_after: float = 0.0
    seconds_to_recover: float = 0.0
    exit_code: int | None = None


class Pool:
    """Connections that are kept open.

    Args:
        port: Of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def open(self, count: int) -> None:
        """Have so many free connections, opened a few at a time."""
        while len(self._free) < count:
            few = min(50, count - len(self._free))
            self._free += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", self._port) for _ in range(few)))

    @property
    def free(self) -> int:
        return len(self._free)

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; raises OSError or asyncio.IncompleteReadError where none comes."""
        reader, writer = self._free.popleft()
        try:
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(re.search(rb"content-length: (\d+)", head)[1])
            body = await reader.readexactly(size)
        except BaseException:
            writer.close()
            raise
        self._free.append((reader, writer))
        return int(head[9:12]), body

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()
        self._free.clear()


def request(model: str, texts: int) -> bytes:
    """A request for vectors of a few short texts."""
    said = [
        f"text number {place}: what to do with a kettle that leaks, and where to return it" for place in range(texts)
    ]
    body = json.dumps({"model": model, "input": said, "encoding_format": "base64"}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def memory(pid: int) -> float:
    """Resident MB of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def quantile(values: list[float], share: float) -> float:
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


async def closed(pool: Pool, sent: bytes, seconds: float, connections: int) -> tuple[float, list[float]]:
    """Answers a second, and how long each took."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        while time.perf_counter() < until:
            began = time.perf_counter()
            status, _ = await pool.ask(sent)
            if status == 200:
                took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return len(took) / (time.perf_counter() - began), took


async def overload(pool: Pool, sent: bytes, rate: float, seconds: float, found: Result, pid: int) -> None:
    """Offer so many requests a second, answered or not."""
    good: list[float] = []
    turned: list[float] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        began = time.perf_counter()
        try:
            status, body = await pool.ask(sent)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            found.lost += 1
            name = type(error).__name__
            found.what_was_lost[name] = found.what_was_lost.get(name, 0) + 1
            return
        took = time.perf_counter() - began
        if status == 200 and json.loads(body)["data"]:
            found.accepted += 1
            good.append(took)
        elif status in (429, 503):
            found.refused += 1
            turned.append(took)
        else:
            found.lost += 1
            found.what_was_lost[str(status)] = found.what_was_lost.get(str(status), 0) + 1

    began = time.perf_counter()
    sent_so_far = 0
    while (now := time.perf_counter() - began) < seconds:
        due, begun = int(now * rate), 0
        for _ in range(due - sent_so_far):
            # A task takes its connection when it begins, which is after this round.
            if pool.free > begun:
                begun += 1
                task = asyncio.ensure_future(one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            else:
                found.not_offered += 1
        sent_so_far = due
        found.memory_most = max(found.memory_most, memory(pid))
        await asyncio.sleep(0.005)
    found.offered = (found.accepted + found.refused + found.lost + len(tasks)) / seconds
    await asyncio.gather(*tasks)
    found.p50_overload, found.p95_overload = (1000 * quantile(good, share) for share in (0.5, 0.95))
    found.p95_refusal = 1000 * quantile(turned, 0.95)


async def recovery(pool: Pool, sent: bytes, normal: float) -> float:
    """Seconds until ten answers in a row were as fast as before."""
    began = since = time.perf_counter()
    row = 0
    while row < 10:
        asked = time.perf_counter()
        status, _ = await pool.ask(sent)
        row += 1
        if status != 200 or time.perf_counter() - asked > normal:
            row, since = 0, time.perf_counter()
        if since - began > 60:
            return float("inf")
    return since - began


async def measure(port: int, pid: int, model: str, texts: int, seconds: float, factor: float) -> Result:
    """All of it against a server that runs."""
    found = Result(model=model, texts=texts)
    sent, pool = request(model, texts), Pool(port)
    await pool.open(CONNECTIONS)
    await closed(pool, sent, WARM, 4)
    _, alone = await closed(pool, sent, MEASURED / 2, 1)
    found.p50_before, found.p95_before = (1000 * quantile(alone, share) for share in (0.5, 0.95))
    found.capacity, _ = await closed(pool, sent, MEASURED, 16)
    found.memory_before = memory(pid)
    await overload(pool, sent, factor * found.capacity, seconds, found, pid)
    # As fast as before: within twice the p95 of one client alone, so that a busy machine is not taken for a slow server.
    found.seconds_to_recover = await recovery(pool, sent, max(2 * found.p95_before / 1000, 0.02))
    found.memory_after = memory(pid)
    pool.close()
    return found


def start(model: str) -> tuple[subprocess.Popen[str], int]:
    """A server as a process of its own, and its port."""
    command = [sys.executable, "-m", "semascope", "serve", "--model", model, "--port", "0", "--log-format", "json"]
    # With all cores, also where the driver of these benchmarks allows one thread.
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=free)
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    return process, int(re.search(r"http://[^ ]+:(\d+)", said)[1])


def run(model: str, texts: int, seconds: float, factor: float) -> Result:
    """Start a server, overload it, stop it."""
    process, port = start(model)
    try:
        found = asyncio.run(measure(port, process.pid, model, texts, seconds, factor))
        process.terminate()
        found.exit_code = process.wait(60)
        return found
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--texts", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--factor", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    how = parser.parse_args()
    found = run(how.model, how.texts, how.seconds, how.factor)
    if how.json:
        print(json.dumps(asdict(found), indent=2))
        return
    for name, value in asdict(found).items():
        print(
            f"{name.replace('_', ' '):20} {value:,.2f}"
            if isinstance(value, float)
            else f"{name.replace('_', ' '):20} {value}"
        )


if __name__ == "__main__":
    main()
