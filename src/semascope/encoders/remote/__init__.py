"""Encoders behind a URL that speaks the OpenAI dialect."""

from semascope.encoders.remote.encoder import RemoteEncoder, remote, remote_from_recipe

__all__ = ["RemoteEncoder", "remote", "remote_from_recipe"]
