"""Where results go: LSL streams, and a file of JSON lines."""
