"""Composition root: parses, wires and runs. The only folder that may import all others."""
