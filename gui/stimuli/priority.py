"""Ahead of others: the window's process is to be woken when its frame is due, not a little later.

An unprivileged user of Linux or macOS may not ask for this, and is then told so by the messages
(``"priority": "usual"``); a lab's administrator can allow it (docs/stimuli.md).
"""

from __future__ import annotations

import os
import sys

NICE = -10
_WINDOWS_HIGH = 0x80


def raise_priority() -> bool:
    """Have this process preferred to others; return whether that was granted."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        return bool(kernel.SetPriorityClass(kernel.GetCurrentProcess(), _WINDOWS_HIGH))
    try:
        nice = min(NICE, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        return False
    return True
