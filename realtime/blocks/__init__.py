"""Causal operations on a stream, one per file; each is frozen settings, arrays and a small step."""
