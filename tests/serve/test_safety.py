"""Who may ask, from where, and what every answer says: keys, hosts, origins, headers, paths."""

from __future__ import annotations

import pytest
from asking import ask, embed, raw

from semascope.errors import OptionError
from semascope.serve.http.keys import Guesses, Keys, checked_key, network, new_key
from semascope.serve.http.server import is_loopback

KEY, OTHER = "correct-horse-battery-1", "correct-horse-battery-2"


@pytest.fixture(scope="module")
def keyed(space_folder, served):
    with served(space_folder, {}, keys=(KEY, OTHER)) as server:
        yield server.address


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# Keys.


@pytest.mark.parametrize("path", ["/v1/models", "/x/space", "/metrics", "/nowhere", "/x/jobs/1"])
def test_with_a_key_set_data_wants_one(keyed, path):
    assert ask(keyed, "GET", path).status == 401
    assert ask(keyed, "GET", path, headers=bearer(KEY)).status != 401


@pytest.mark.parametrize("path", ["/", "/health", "/app/index.html", "/app/kit.js", "/docs", "/openapi.json"])
def test_the_apps_own_files_health_and_the_list_of_routes_want_no_key(keyed, path):
    assert ask(keyed, "GET", path).status == 200


def test_every_key_is_let_in_and_no_other(keyed):
    assert embed(keyed, "a", headers=bearer(KEY)).status == 200
    assert embed(keyed, "a", headers=bearer(OTHER)).status == 200
    for wrong in (KEY[:-1], KEY + "x", KEY.upper(), "", f"{KEY} {KEY}", "\xe9" * 20):
        found = embed(keyed, "a", headers=bearer(wrong))
        assert (found.status, found.code) == (401, "invalid_api_key"), wrong
    assert embed(keyed, "a", headers={"Authorization": f"Basic {KEY}"}).status == 401
    assert embed(keyed, "a", headers={"Authorization": f"bearer {KEY}"}).status == 200  # schemes have no case


def test_a_refusal_says_what_is_wanted_and_never_what_came(keyed):
    found = embed(keyed, "a", headers=bearer("my-wrong-secret-key"))
    assert found.headers["www-authenticate"] == "Bearer"
    assert "my-wrong-secret-key" not in found.body.decode()
    assert isinstance(ask(keyed, "POST", "/embed", {"inputs": "a"}).json["error"], str)  # as that dialect says it


def test_a_key_given_twice_is_refused(keyed):
    port = int(keyed.rpartition(":")[2])
    twice = f"Authorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n".encode()
    said = raw(port, b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + twice + b"\r\n")
    assert b" 400 " in said.splitlines()[0]


def test_who_guesses_has_to_wait_and_who_knows_the_key_has_not(space_folder, running):
    server = running(space_folder, keys=(KEY,))
    wrong = [ask(server.address, "GET", "/v1/models", headers=bearer(f"guess-{number:020d}")) for number in range(12)]
    assert [one.status for one in wrong] == [401] * 10 + [429] * 2
    assert 1 <= int(wrong[-1].headers["retry-after"]) <= 60
    assert ask(server.address, "GET", "/v1/models", headers=bearer(KEY)).status == 200
    assert (
        'semascope_rejected_total{reason="guessing"} 2.0'
        in ask(server.address, "GET", "/metrics", headers=bearer(KEY)).body.decode()
    )


def test_guesses_are_forgotten_after_a_minute_and_never_fill_the_memory():
    now = 0.0
    guesses = Guesses(lambda: now)
    assert [guesses.wrong("10.0.0.1") for _ in range(10)] == [0.0] * 10
    assert guesses.wrong("10.0.0.1") == 60.0
    assert guesses.wrong("10.0.0.2") == 0.0
    now = 61.0
    assert guesses.wrong("10.0.0.1") == 0.0
    for number in range(20_000):
        guesses.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(guesses) <= 4_096


def test_one_owner_of_ipv6_addresses_is_one_guesser():
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("fe80::1%eth0") == network("fe80::2")
    assert network("::ffff:10.0.0.1") != network("::ffff:10.0.0.2")
    assert network("a socket") == "a socket"


def test_weak_keys_are_refused_without_being_shown():
    for weak in ("short", "a" * 40, "with a space in the key", "umlaut-äöü-äöü-äöü", "line\nbreak-in-the-key"):
        with pytest.raises(OptionError, match="key: want") as told:
            checked_key(weak)
        assert weak not in str(told.value)
    made = {new_key() for _ in range(10)}
    assert len(made) == 10
    assert all(checked_key(key) == key for key in made)


def test_all_keys_are_compared_whatever_was_sent(monkeypatch):
    compared = []
    import semascope.serve.http.keys as module

    real = module.hmac.compare_digest
    monkeypatch.setattr(module.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    keys = Keys((KEY, OTHER))
    assert keys.known(f"Bearer {KEY}".encode())
    assert not keys.known(None)
    assert len(compared) == 4
    assert all(len(a) == len(b) == 32 for a, b in compared)  # hashes of one length, never the keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_without_a_key_only_this_machine_is_listened_to(space_folder, served, host):
    with pytest.raises(OptionError, match=r"(?s)--host: .*without one.*--new-key"):
        served(space_folder, {}, host=host)


def test_loopback_is_told_from_the_rest():
    assert all(map(is_loopback, ["127.0.0.1", "localhost", "::1", "127.8.8.8"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.0.2.7", "no such name \udcff", "10.0.0.1"]))


# Pages of other sites.


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_a_name_that_somebody_pointed_here_is_not_served(address, host):
    found = ask(address, "GET", "/v1/models", headers={"Host": host})
    assert (found.status, found.code) == (403, "host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:80"])
def test_the_names_of_this_machine_are_served(address, host):
    assert ask(address, "GET", "/v1/models", headers={"Host": host}).status == 200


def test_with_a_key_every_name_is_served(keyed):
    assert ask(keyed, "GET", "/v1/models", headers={"Host": "vectors.example.org", **bearer(KEY)}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Host": "localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_what_a_page_of_another_site_sends_is_refused(address, headers):
    found = ask(address, "POST", "/v1/embeddings", {"model": "default", "input": "a"}, headers)
    assert (found.status, found.code) == (403, "origin")
    assert ask(address, "DELETE", "/x/tags?name=a", headers=headers).status == 403


def test_the_apps_own_requests_and_programs_are_not(address):
    at = address.removeprefix("http://")
    own = {"Origin": f"http://{at}", "Sec-Fetch-Site": "same-origin"}
    assert embed(address, "a", headers=own).status == 200
    assert embed(address, "a", headers={"Origin": f"http://{at}"}).status == 200
    assert embed(address, "a", headers={"Sec-Fetch-Site": "none"}).status == 200
    assert embed(address, "a").status == 200


def test_another_site_may_link_to_the_app_but_not_read_data(address):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(address, "GET", "/", headers=link).status == 200
    assert ask(address, "GET", "/v1/models", headers=link).status == 403
    assert ask(address, "GET", "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status == 403


@pytest.mark.parametrize("path", ["/v1/embeddings", "/", "/x/search"])
def test_no_other_site_is_allowed_to_read_answers(address, path):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        found = ask(address, method, path, headers=asked)
        assert not [name for name in found.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=a", "", "application/json5"],
)
def test_what_a_form_can_send_is_no_request(address, kind):
    found = ask(address, "POST", "/v1/embeddings", b'{"model": "default", "input": "a"}', {"Content-Type": kind})
    assert (found.status, found.code) == (415, "content_type")
    assert "application/json" in found.json["error"]["message"]


def test_json_in_another_alphabet_or_packed_is_refused_and_utf8_is_not(address):
    body = b'{"model": "default", "input": "a"}'
    for good in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"):
        assert ask(address, "POST", "/v1/embeddings", body, {"Content-Type": good}).status == 200
    assert (
        ask(address, "POST", "/v1/embeddings", body, {"Content-Type": "application/json; charset=utf-16"}).status == 415
    )
    assert ask(address, "POST", "/v1/embeddings", body, {"Content-Encoding": "gzip"}).status == 415


# Headers.


@pytest.mark.parametrize("path", ["/", "/app/kit.js", "/health", "/metrics", "/v1/models", "/nowhere", "/x/search"])
def test_every_answer_has_the_headers_that_keep_browsers_in_bounds(address, path):
    found = ask(address, "GET", path).headers
    assert found["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert found["x-content-type-options"] == "nosniff"
    assert found["x-frame-options"] == "DENY"
    assert found["referrer-policy"] == "no-referrer"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["cache-control"] == ("no-cache" if path.startswith("/app/") or path == "/" else "no-store")
    assert "server" not in found
    assert "set-cookie" not in found


def test_a_request_keeps_its_id_where_that_is_plain(address):
    given = {"X-Request-Id": "abc-123.X_y"}
    assert ask(address, "GET", "/health", headers=given).headers["x-request-id"] == "abc-123.X_y"
    for odd in ("a" * 65, "a b", 'a"b', "", "a;b"):
        made = ask(address, "GET", "/health", headers={"X-Request-Id": odd}).headers["x-request-id"]
        assert made != odd
        assert 8 <= len(made) <= 64


# Paths.

AWAY = [
    "/app/../../etc/passwd",
    "/app/../../../../../../etc/passwd",
    "/app/%2e%2e/%2e%2e/etc/passwd",
    "/app/..%2f..%2fetc%2fpasswd",
    "/app/%2e%2e%5c%2e%2e%5cetc%5cpasswd",
    "/app//etc/passwd",
    "//etc/passwd",
    "/app/kit.js%00.html",
    "/app/%00",
    "/app/....//....//etc/passwd",
    "/app/%c0%ae%c0%ae/etc/passwd",
    "/app/%252e%252e/etc/passwd",
    "/app/./kit.js",
    "/app/shared/../kit.js",
    "/app/__init__.py",
    "/app/",
    "/app",
    "/x/reports/..%2f..%2fcorpus.sqlite",
    "/x/reports/%2e%2e",
    "/x/jobs/..%2f..",
    "/v1/models/..%2f..%2fetc%2fpasswd",
    "/corpus.sqlite",
    "/space.json",
    "/.git/config",
]


@pytest.mark.parametrize("path", AWAY)
def test_no_path_leads_to_a_file(address, path):
    found = ask(address, "GET", path)
    assert found.status in (400, 404), found.body[:200]
    assert b"root:" not in found.body
    assert b"SQLite" not in found.body


@pytest.mark.parametrize("path", AWAY)
def test_with_a_key_no_path_goes_around_it(keyed, path):
    assert ask(keyed, "GET", path).status in (400, 401)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "GET"])
def test_other_methods_are_not_for_a_route(address, method):
    found = ask(address, method, "/v1/embeddings")
    assert (found.status, found.code) == (405, "method")
    assert found.headers["allow"] == "POST"


def test_a_method_that_a_route_does_not_know_is_answered_with_all_that_it_knows(address):
    found = ask(address, "PUT", "/x/tags")
    assert (found.status, found.code) == (405, "method")
    assert found.headers["allow"] == "DELETE, GET, HEAD, POST"


def test_a_method_that_is_none_is_malformed(server):
    for line in (b"FOO /health HTTP/1.1", b"CONNECT evil.example:443 HTTP/1.1", b"get /health HTTP/1.1"):
        said = raw(server.port, line + b"\r\nHost: localhost\r\n\r\n")
        assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 ", b"HTTP/1.1 404 ")), line


def test_an_address_that_is_no_path_is_not_gone_to(server):
    for target in (b"http://evil.example/health", b"*", b"health", b"/\xff\xfe"):
        said = raw(server.port, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ", b"HTTP/1.1 200 ")), target
        assert b"location:" not in said.lower()
