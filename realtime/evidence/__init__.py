"""From rankings of single epochs to decisions: evidence gathered, weighed, and stopped in time."""
