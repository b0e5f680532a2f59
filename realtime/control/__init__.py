"""A running session, commanded from outside: by a person at a terminal, a window, an experiment."""
