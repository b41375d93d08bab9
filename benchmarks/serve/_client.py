"""A bounded HTTP client for loading a server on this machine: kept connections, one request after the other on each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle


@dataclass
class Said:
    """What came back of a while of load.

    Args:
        seconds: That it took.
        latencies: Of answers with status 200, in seconds.
        others: How many answers had another status, by status; 0 stands for a connection that failed.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    others: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Of the latencies, in seconds."""
        found = sorted(self.latencies)
        return found[min(len(found) - 1, int(share * len(found)))] if found else float("inf")


def requests(path: str, bodies: Sequence[object]) -> list[bytes]:
    """The bytes of POST requests with these bodies."""
    out: list[bytes] = []
    for body in bodies:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        out.append(head.encode() + data)
    return out


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to one request."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status, size = int(head[9:12]), -1
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return status, await reader.readexactly(size) if size >= 0 else b""


async def closed(port: int, work: Sequence[bytes], connections: int, seconds: float) -> Said:
    """So many connections, each asking again as soon as it has its answer."""
    said, waiting = Said(), cycle(work)
    begin = time.perf_counter()
    await asyncio.gather(*(_one(port, waiting, begin + seconds, said) for _ in range(connections)))
    said.seconds = time.perf_counter() - begin
    return said


async def _one(port: int, work: Iterator[bytes], until: float, said: Said) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until:
            begin = time.perf_counter()
            status, _ = await ask(reader, writer, next(work))
            if status == 200:
                said.latencies.append(time.perf_counter() - begin)
            else:
                said.others[status] = said.others.get(status, 0) + 1
    finally:
        writer.close()
