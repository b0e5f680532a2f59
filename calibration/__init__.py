"""From a subject's calibration data to a decoder file."""
