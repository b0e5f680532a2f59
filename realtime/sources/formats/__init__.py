"""Readers of recorded files, one file for each family of formats."""
