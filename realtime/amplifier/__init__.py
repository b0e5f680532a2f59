"""A simulated amplifier on LSL, whose subject looks at what marker streams name."""
