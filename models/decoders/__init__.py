"""A decoder as one file, and at work."""
