"""A simulated subject: signal with a known content, for demonstrations and tests."""
