"""From `semascope serve` to its end: what it says, what it refuses, what it writes down and counts, how it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from asking import ask, connected, embed, everything, head, wait_for
from click.testing import CliRunner

from semascope.cli import app
from semascope.encoders import Encoder, as_encoder
from semascope.serve.http.logs import Lines, Note, note, request_id
from semascope.space import Space


def run(*args: object):
    return CliRunner().invoke(app, ["serve", *map(str, args)])


# Starting.


def test_it_says_where_it_listens_what_it_serves_and_that_the_self_test_passed(space_folder, child):
    server = child(space_folder, "--model", "small=default | truncate(64)")
    said = " ".join("".join(server.said).split())  # lines are as long as the terminal is wide
    assert f"Serving at {server.address}/" in said
    assert re.search(r"space notes.space, 300 documents", said)
    assert re.search(r"models small, default", said)
    assert re.search(r"parity passed in .*: \d+ served vectors .* lowest cosine 1\.0000", said)
    assert [one["id"] for one in ask(server.address, "GET", "/v1/models").json["data"]] == ["small", "default"]
    assert len(embed(server.address, "a", "small").json["data"][0]["embedding"]) == 64
    assert server.end() == (0, server.end()[1])


def test_as_json_it_says_the_same_for_a_program(space_folder):
    command = [sys.executable, "-m", "semascope", "serve", str(space_folder), "--port", "0", "--json", "--new-key"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ""
    while not said.endswith("\n}\n"):
        said += process.stdout.readline()
    found = json.loads(said)
    assert (found["documents"], found["models"], found["warnings"]) == (300, ["default"], [])
    assert found["parity"][0]["cosine"] >= 0.9999
    address = found["address"].rstrip("/")
    assert embed(address, "a", headers={"Authorization": f"Bearer {found['key']}"}).status == 200
    process.terminate()
    _, written = process.communicate(timeout=60)
    assert process.returncode == 0
    assert found["key"] not in written


def test_without_a_space_the_best_model_is_served(child):
    server = child("--model", "default")
    assert ask(server.address, "GET", "/x/space").json["name"] is None
    assert embed(server.address, "a").status == 200


def test_vectors_of_unknown_origin_are_served_with_a_warning_and_searched_by_words(tmp_path, child):
    texts = ["bread and butter", "trains and tickets", "tulips and soil"]
    Space.from_arrays(np.eye(3, 16, dtype=np.float32), texts, path=tmp_path / "odd.space").close()
    server = child(tmp_path / "odd.space")
    assert "queries cannot be encoded" in "".join(server.said)
    found = ask(server.address, "POST", "/x/search", {"query": "butter", "mode": "lexical"})
    assert [hit["id"] for hit in found.json["hits"]] == ["1"]


def test_a_port_that_is_taken_is_said_and_the_exit_code_is_2(space_folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(space_folder, "--port", port)
    assert done.exit_code == 2
    assert f"--port: want one that can be bound, got {port}" in done.stderr
    assert "--port 0" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--host", "0.0.0.0"], "--new-key makes a key"),
        (["--host", "no.such.host.invalid", "--key", "correct-horse-battery"], "--host: want a name or address"),
        (["--host", "192.0.2.1", "--key", "correct-horse-battery"], "--port: want one that can be bound"),
        (["--key", "short"], "key: want at least 16 characters, got 5"),
        (["--key-file", "no/such/file"], "--key-file: want a file"),
        (["--model", "unheardof"], "unheardof"),
        (["--model", "a=default", "--model", "a=default"], "--model: want different names"),
        (["--port", "70000"], "--port"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line_with_code_2(args, says):
    done = run("--model", "default", *args) if "--model" not in args else run(*args)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "correct-horse" not in done.stderr


def test_what_is_no_space_is_said(tmp_path):
    done = run(tmp_path)
    assert (done.exit_code, "which is no Space" in done.stderr) == (2, True)


def test_a_new_key_is_printed_kept_where_only_its_owner_reads_it_and_let_in(tmp_path, child):
    kept = tmp_path / "keys.txt"
    server = child("--model", "default", "--new-key", "--key-file", kept)
    key = kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert f"Key: {key}" in "".join(server.said)
    assert embed(server.address, "a").status == 401
    assert embed(server.address, "a", headers={"Authorization": f"Bearer {key}"}).status == 200
    _, written = server.end()
    assert key not in written
    again = child("--model", "default", "--key-file", kept)
    assert embed(again.address, "a", headers={"Authorization": f"Bearer {key}"}).status == 200
    assert key not in "".join(again.said)
    assert run("--model", "default", "--key-file", kept, "--new-key").exit_code == 2


def test_a_key_of_the_environment_is_wanted(child):
    server = child("--model", "default", env={"SEMASCOPE_KEY": "from-the-environment-1"})
    assert embed(server.address, "a").status == 401
    assert embed(server.address, "a", headers={"Authorization": "Bearer from-the-environment-1"}).status == 200


def test_with_a_key_it_can_be_reached_from_elsewhere_and_says_what_that_means(child):
    server = child("--model", "default", "--host", "0.0.0.0", "--key", "a-key-for-all-addresses")
    said = "".join(server.said)
    assert f"Serving at http://127.0.0.1:{server.port}/" in said
    assert "it listens on 0.0.0.0 and speaks no TLS" in said
    assert "a-key-for-all" not in said
    assert embed(server.address, "a").status == 401
    assert embed(server.address, "a", headers={"Authorization": "Bearer a-key-for-all-addresses"}).status == 200


# Health and figures.


def test_health_says_nothing_but_that_it_is_well(address):
    found = ask(address, "GET", "/health")
    assert (found.status, found.json) == (200, {"status": "ok"})
    assert ask(address, "HEAD", "/health").body == b""


def test_figures_count_requests_texts_and_tokens(space_folder, running):
    server = running(space_folder)
    for texts in (["a b c", "d e"], ["f"]):
        assert embed(server.address, texts).status == 200
    assert embed(server.address, "a", "no-such-model").status == 404
    said = ask(server.address, "GET", "/metrics").body.decode()
    figures = dict(line.rsplit(" ", 1) for line in said.splitlines() if not line.startswith("#"))
    route = 'method="POST",route="/v1/embeddings"'
    assert float(figures[f'semascope_requests_total{{{route},status="200"}}']) == 2
    assert float(figures[f'semascope_requests_total{{{route},status="404"}}']) == 1
    assert float(figures['semascope_request_seconds_count{route="/v1/embeddings"}']) == 3
    assert float(figures['semascope_texts_total{model="default"}']) >= 3
    assert float(figures['semascope_waiting_texts{model="default"}']) == 0
    assert float(figures["semascope_requests_in_flight"]) == 1
    assert float(figures['semascope_jobs{state="running"}']) == 0
    assert float(figures["process_resident_memory_bytes"]) > 10_000_000


def test_what_somebody_asks_for_never_becomes_a_label(space_folder, running):
    server = running(space_folder)
    for number in range(30):
        ask(server.address, "GET", f"/made-up-{number}")
        ask(server.address, "GET", f"/x/jobs/{number}")
        ask(server.address, "GET", f"/v1/models/made-up-{number}")
    ask(server.address, "PROPFIND", "/health")
    said = ask(server.address, "GET", "/metrics").body.decode()
    assert "made-up" not in said
    assert 'semascope_requests_total{method="GET",route="unknown",status="404"} 30.0' in said
    assert 'method="other"' in said


# The lines it writes.


def lines_of(written: str) -> list[dict]:
    return [json.loads(line) for line in written.splitlines()]


def test_each_request_is_a_line_of_json_without_texts_keys_or_queries(space_folder, child):
    key = "a-secret-key-of-the-test"
    server = child(space_folder, "--key", key, "--log-format", "json")
    allowed = {"Authorization": f"Bearer {key}"}
    secret = "whispered confidential words"
    embed(server.address, [secret, "b"], headers={**allowed, "X-Request-Id": "my-id-1"})
    ask(server.address, "GET", "/x/document?id=whispered-id", headers=allowed)
    ask(server.address, "POST", "/x/search", {"query": secret}, headers=allowed)
    embed(server.address, secret, headers={"Authorization": "Bearer whispered-wrong-key"})
    ask(server.address, "GET", "/whispered/path", headers=allowed)
    ask(server.address, "POST", "/v1/embeddings", secret.encode(), headers=allowed)
    code, written = server.end()
    assert code == 0
    assert "whispered" not in written
    assert key not in written
    lines = [line for line in lines_of(written) if line["event"] == "request"]
    assert len(lines) == 6
    first = lines[0]
    assert set(first) == {
        *("time", "level", "event", "method", "route", "status", "ms", "in", "out"),
        *("model", "texts", "tokens", "id"),
    }
    assert (first["method"], first["route"], first["status"]) == ("POST", "/v1/embeddings", 200)
    assert (first["model"], first["texts"], first["id"]) == ("default", 2, "my-id-1")
    assert first["tokens"] >= 2
    assert first["in"] > 40
    assert first["out"] > 1_000
    assert lines[4]["route"] == "unknown"


def test_a_fault_is_written_with_its_traceback_and_the_id_and_told_without_them(running, caplog):
    class Broken:
        dim = 4
        broken = False

        def encode(self, texts, **_):
            if self.broken:
                raise ZeroDivisionError("the inside of the server")
            return np.ones((len(texts), self.dim), np.float32)

    encoder = Broken()
    server = running(models={"broken": as_encoder(encoder, name="broken")})
    encoder.broken = True
    found = embed(server.address, "a", "broken", headers={"X-Request-Id": "the-id"})
    assert found.status == 500
    assert "inside of the server" not in found.body.decode()
    assert "Traceback" not in found.body.decode()
    wait_for(lambda: any(one.exc_info for one in caplog.records))  # it is written when it has been answered
    record = next(one for one in caplog.records if one.exc_info)
    line = json.loads(Lines("json").format(record))
    assert line["id"] == "the-id"
    assert "ZeroDivisionError: the inside of the server" in line["traceback"]
    assert embed(server.address, "a", "broken").status == 500


def test_what_is_written_for_people_is_one_line_whatever_it_holds():
    import logging

    record = logging.makeLogRecord(
        {"msg": "a\nb\x1b[2J", "levelno": 30, "levelname": "WARNING", "fields": {"x": "\r1"}}
    )
    said = Lines("text").format(record)
    assert said.isprintable()
    assert "a?b?[2J x=?1" in said


def test_lines_that_nobody_reads_hold_up_neither_requests_nor_the_end(space_folder):
    command = [sys.executable, "-m", "semascope", "serve", str(space_folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while "Ctrl-C" not in said:
            said += process.stdout.readline()
        address = re.search(r"http://[^/]+", said)[0]
        for _ in range(700):  # a pipe holds some 300 lines
            assert ask(address, "GET", "/health").status == 200
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_ids_and_notes_outside_of_a_request():
    assert request_id(b"abc") == "abc"
    assert request_id(b"a" * 65) != request_id(None)
    note("model", 1, 2)  # nobody listens
    assert Note("a").texts == 0


# Stopping.


class Held:
    """An encoder that is as slow as a test wants."""

    dim = 4
    seconds = 0.0

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()

    def encode(self, texts, **_):
        self.gate.wait(60)
        time.sleep(self.seconds)
        return np.ones((len(texts), self.dim), np.float32)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_code_0(child, number):
    server = child("--model", "default")
    with connected(server.port) as idle:
        idle.sendall(head("GET", "/health"))
        wait_for(lambda: b"ok" in idle.recv(65_536))
        code, written = server.end(number)
        assert everything(idle) == b""
    assert code == 0
    assert "traceback" not in written
    assert "Traceback" not in written


def test_all_that_was_accepted_is_answered_before_it_ends(running):
    encoder = Held()
    server = running(models={"held": as_encoder(encoder, name="held")})
    encoder.gate.clear()
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(embed, server.address, f"text {number}", "held") for number in range(50)]
        wait_for(lambda: server.house.models["held"].load()["pending_requests"] == 50)
        server.running.stop()
        wait_for(lambda: server.house.closing)
        encoder.gate.set()
        assert [one.result().status for one in asked] == [200] * 50
    server.stop()


def test_no_accepted_request_is_lost_when_it_is_told_to_stop(child):
    server = child("--model", "default")
    texts = [f"text number {number} of a request that takes a moment" for number in range(300)]
    body = {"model": "default", "input": texts, "encoding_format": "base64"}
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(ask, server.address, "POST", "/v1/embeddings", body, timeout=120) for _ in range(500)]
        wait_for(lambda: sum(one.done() for one in asked) > 20)
        server.process.send_signal(signal.SIGTERM)
        answers = [one.exception() or one.result() for one in asked]
    server.process.wait(60)
    code, written = server.end()
    done = [one for one in answers if not isinstance(one, Exception)]
    assert code == 0
    assert "cut off" not in written
    assert {one.status for one in done} <= {200, 429, 503}
    full = [one for one in done if one.status == 200]
    assert 1 <= len(full) < len(asked)
    assert all(len(one.json["data"]) == len(texts) for one in full)
    # Each request that has a line in the log has a whole answer: what did not get one was never let in.
    accepted = [line for line in lines_of(written) if line["event"] == "request" and line["route"] == "/v1/embeddings"]
    assert len(accepted) == len(done)


def figures(server) -> str:
    return ask(server.address, "GET", "/metrics").body.decode()


def test_while_it_stops_health_says_so_and_new_requests_are_turned_away(running):
    encoder = Held()
    server = running(models={"held": as_encoder(encoder, name="held")})
    encoder.seconds = 1.5
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(embed, server.address, "a", "held")
        wait_for(lambda: server.house.models["held"].load()["running_tokens"] > 0)
        server.running.stop()
        wait_for(lambda: server.house.closing)
        health = ask(server.address, "GET", "/health")
        late = embed(server.address, "b", "held")
        assert accepted.result().status == 200
    assert (health.status, health.json) == (503, {"status": "closing"})
    assert (late.status, late.code, late.headers["connection"]) == (503, "closing", "close")
    assert int(late.headers["retry-after"]) >= 1
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        connected(server.port)


def test_what_takes_longer_than_is_patient_is_cut_off(running, caplog):
    encoder = Held()
    server = running(models={"held": as_encoder(encoder, name="held")}, drain_seconds=0.3)
    encoder.seconds = 3.0
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(embed, server.address, "a", "held")
        wait_for(lambda: server.house.models["held"].load()["running_tokens"] > 0)
        server.stop()
        assert accepted.exception() is not None or accepted.result().status >= 500
    assert [one.message for one in caplog.records if one.message == "cut off"] == ["cut off"]


def test_a_second_signal_ends_it_at_once(child):
    server = child("--model", "default")
    with connected(server.port) as slow:
        slow.sendall(head(content_type="application/json", content_length=100))
        wait_for(lambda: "in_flight 2.0" in figures(server))
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: ask(server.address, "GET", "/health").status == 503)
        code, _ = server.end(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM


def test_a_server_that_was_never_run_leaves_nothing_open(served):
    server = served(None, {"default": Encoder("default")})
    server.running.bound.close()
    server.house.models["default"].close()
    with pytest.raises(ConnectionRefusedError):
        connected(server.port)
