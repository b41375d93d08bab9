"""Transformers: their weights, their tokenizers, and the engines that run them."""
