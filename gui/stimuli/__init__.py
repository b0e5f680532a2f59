"""The stimulus window: pictures on a screen, and markers that say when.

A process of its own, ``python -m saccade.gui.stimuli``. Its settings are a
:class:`~saccade.calibration.stimuli.StimuliSettings`; they and orders come on standard input, what
happens goes to standard output, one JSON object a line each:
:mod:`saccade.gui.stimuli.orders` has the one, :mod:`saccade.gui.stimuli.show` the other.

Concurrent activities: the main thread draws, flips, looks at keys and at orders, and is the only
one that calls Qt; a second thread waits for lines on standard input and queues them
(:mod:`saccade.gui.stimuli.parent`); liblsl has threads of its own, in C. While pictures are on,
the main thread blocks in the flip alone.
"""
