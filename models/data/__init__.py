"""Data sets: what was shown, the signals that followed, and readers of the layouts in circulation.

Readers stream from memory-mapped files wherever the layout allows it, and every row says which
subject, concept and image it belongs to.
"""
