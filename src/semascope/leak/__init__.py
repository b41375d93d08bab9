"""Leak: what vectors give away about the texts behind them, before and after defences."""
