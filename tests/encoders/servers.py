"""A real HTTP server on this machine that speaks /v1/embeddings, and misbehaves in whatever way a test asks for."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from hashing import HashingEncoder

DIM = 16
Step = Callable[["Handler", dict[str, Any]], bool]


class Server(ThreadingHTTPServer):
    """Args: `encoder` behind it, `max_batch` texts and `max_characters` of a text that it takes, the `key` it wants.

    `script` holds what is done about the next requests, one step each; a step that gives False lets the request be answered as
    usual. `always` is asked about every request that no step handled. `answer` may change what is answered.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        encoder: Any = None,
        *,
        max_batch: int | None = None,
        max_characters: int | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.encoder = encoder or HashingEncoder(DIM)
        self.max_batch, self.max_characters, self.key = max_batch, max_characters, key
        self.script: list[Step] = []
        self.always: Step = lambda _handler, _body: False
        self.answer: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.models: list[str] | None = ["served"]  # what /models lists; None: there is no such route
        self.bodies: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in the order of requests."""
        return [text for body in self.bodies for text in body["input"]]

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.connections += 1
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        listed = self.server.models
        said = json.dumps({"object": "list", "data": [{"id": name} for name in listed or ()]}).encode()
        self.send_response(200 if listed is not None and self.path == "/v1/models" else 404)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.heads.append({name.lower(): value for name, value in self.headers.items()})
            server.paths.append(self.path)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            step = server.script.pop(0) if server.script else None
        try:
            if (step is not None and step(self, body)) or server.always(self, body):
                return
            self.as_usual(body)
        finally:
            with server.lock:
                server.at_once -= 1

    def as_usual(self, body: dict[str, Any]) -> None:
        server, texts = self.server, body["input"]
        if server.key is not None and self.headers.get("Authorization") != f"Bearer {server.key}":
            self.fail(401, f"Incorrect API key provided: {self.headers.get('Authorization', 'none')}.")
        elif server.max_batch is not None and len(texts) > server.max_batch:
            self.fail(422, f"batch size {len(texts)} > maximum allowed batch size {server.max_batch}")
        elif server.max_characters is not None and max(map(len, texts)) > server.max_characters:
            self.fail(400, "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.")
        elif not all(texts):
            self.fail(400, "'$.input' is invalid: empty strings are not allowed.")
        else:
            self.say(server.answer(self.reply(body)))

    def reply(self, body: dict[str, Any]) -> dict[str, Any]:
        rows = self.server.encoder.encode(body["input"])[:, : body.get("dimensions")]
        data = [
            {"object": "embedding", "index": place, "embedding": encoded(row, body.get("encoding_format", "float"))}
            for place, row in enumerate(rows)
        ]
        tokens = sum(len(text.split()) for text in body["input"])
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def say(self, plain: Any, status: int = 200, **headers: str) -> bool:
        return self.raw(plain if isinstance(plain, bytes) else json.dumps(plain).encode(), status, **headers)

    def raw(self, data: bytes, status: int = 200, **headers: str) -> bool:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return True

    def fail(self, status: int, message: str, *, code: str | None = None, **headers: str) -> bool:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return self.say({"error": error}, status, **headers)

    def cut(self) -> bool:
        """Hang up without a word."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        return True


def encoded(row: np.ndarray, encoding: str) -> Any:
    if encoding == "float":
        return [float(number) for number in row]
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
