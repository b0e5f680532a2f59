"""Fitting is held to one thread, so that the same trials give the same decoder to the last bit.

Libraries for linear algebra add up in another order with another number of threads, and take that
number from the machine and its environment. On the matrices of a calibration a second thread gains
little: with two, ridge on 1000 trials took longer here, not shorter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numpy, scipy and torch to one thread; let go afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
