"""The window: what an experimenter sees of a running session. View models know no Qt."""
