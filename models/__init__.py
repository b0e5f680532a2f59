"""Everything learned: encoders, galleries, their evaluation, and the decoder file."""
