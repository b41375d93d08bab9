"""Folders of Hugging Face and Sentence Transformers: read, fetched, written."""

from semascope.encoders.huggingface.layout import Layout, read_folder

__all__ = ["Layout", "read_folder"]
