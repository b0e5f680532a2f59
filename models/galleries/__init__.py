"""The concepts a decoder chooses from: built, kept and searched."""
