"""Stream in, decisions out: the real-time core, free of Qt, torch and learned models."""
