"""How good the signal is: each channel as it came in, and the stream that carries it."""
