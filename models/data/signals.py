"""Everything training and evaluation need of a data set, in one place to import from.

A :class:`SignalSet` says what each row is (:class:`TrialTable`) and reads the rows it is asked
for; it may lie in memory, in a mapped file or in several. Views show one differently, and
:func:`averaged` averages repetitions, without copying what lies underneath.
"""

from saccade.models.data.arrays import ArraySignals, SignalSet
from saccade.models.data.averaging import averaged, loaded
from saccade.models.data.table import TrialTable, split_concepts
from saccade.models.data.views import Cropped, Joined, Picked, Subset, Whitened

__all__ = [
    "ArraySignals",
    "Cropped",
    "Joined",
    "Picked",
    "SignalSet",
    "Subset",
    "TrialTable",
    "Whitened",
    "averaged",
    "loaded",
    "split_concepts",
]
