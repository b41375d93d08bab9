"""A vector as concepts: the groups of the map it belongs to, and the words that are nearest to it."""

from __future__ import annotations

ENDPOINTS = []
