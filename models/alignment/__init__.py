"""A new person brought to where training put everybody else."""
