"""MEG systems and others behind a FieldTrip buffer."""
