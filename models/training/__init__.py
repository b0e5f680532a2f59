"""From trials and targets to a trained encoder, and its file."""
