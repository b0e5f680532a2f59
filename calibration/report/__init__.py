"""What a calibration found, on one page that says what to do."""
