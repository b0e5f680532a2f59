"""What an encoder is worth, in the numbers the field reports."""
