"""What a server allows: everything that a request can make large has its limit here."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Limits and habits of one server. Sizes in bytes, times in seconds.

    Args:
        host: Address to bind to. Anything but this machine's own needs a key.
        port: Port to bind to; 0 takes a free one.
        keys: Bearer keys that are let in; empty lets everybody in.
        name: What the served Space is called in the app; its folder's name if empty.
        body: Of one request.
        bodies: Of all requests that are being read or answered.
        body_seconds: In which a body has to have come.
        head_seconds: In which a request line and its headers have to have come.
        idle_seconds: After which a connection without a request is closed.
        request_seconds: In which a request has to be answered.
        drain_seconds: For what was accepted, once the server was told to stop.
        connections: Open at once.
        in_flight: Requests in work at once that are always let in; beyond them as many as are answered within waiting_seconds.
        inputs: Texts of one request for vectors.
        text: Characters of one text.
        documents: Texts of one request to rerank.
        hits: Documents of one search.
        rows: Rows of one request of the map.
        explained: Passages of one request for explanations.
        explained_text: Characters of all of them together.
        pairs: Of words, of two texts that are compared word by word.
        dials: Of one search.
        conditions: Characters of the conditions of one search.
        looked_tokens: Of one text that is looked at layer by layer.
        chosen: Documents or rows of one tag, and of one request that tags or exports them.
        tags: Of one Space.
        tag: Characters of a tag's name.
        waiting_seconds: Of work that may wait for a model, at its measured speed, before more is refused with 429.
        waiting_tokens: That may wait for a model, whatever its speed.
        batch_tokens: Of one batch; what suits the model where None.
        truncate: Whether texts that are too long are cut unless a request says otherwise.
        threads: For searches and the like, beside the models' own.
        jobs_running: Long jobs at once.
        jobs_waiting: Long jobs that may wait.
        jobs_kept: Finished jobs that are remembered.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[str, ...] = field(default=(), repr=False)
    name: str = ""
    body: int = 32 * 2**20
    bodies: int = 256 * 2**20
    body_seconds: float = 30.0
    head_seconds: float = 10.0
    idle_seconds: float = 65.0
    request_seconds: float = 120.0
    drain_seconds: float = 30.0
    connections: int = 4_096
    in_flight: int = 256
    inputs: int = 2_048
    text: int = 1_000_000
    documents: int = 1_000
    hits: int = 200
    rows: int = 500
    explained: int = 50
    explained_text: int = 200_000
    pairs: int = 500_000
    dials: int = 16
    conditions: int = 10_000
    looked_tokens: int = 512
    chosen: int = 500_000
    tags: int = 200
    tag: int = 64
    waiting_seconds: float = 2.0
    waiting_tokens: int = 2_000_000
    batch_tokens: int | None = None
    truncate: bool = False
    threads: int = 4
    jobs_running: int = 1
    jobs_waiting: int = 8
    jobs_kept: int = 50
