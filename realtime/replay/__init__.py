"""A recording once more: wound, sent over LSL at its own pace, and compared with what it gave."""
