"""Can Qt start here? Found out before a window is tried, because Qt aborts where it can't.

The one list of system libraries that Qt's wheels leave to the system stands here. The set-up
script runs this file by its path before saccade is installed, so it needs nothing but Python;
run so, it prints the command that installs what is missing, and fails where something is. With
``--screen`` it looks for what a window on an X screen needs, and for an X screen that nobody sees.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

# Shared object or program -> package on Debian and Ubuntu, on Fedora.
_LIBRARIES = {
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
}
_SCREEN_LIBRARIES = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
}
_SCREEN_PROGRAMS = {"Xvfb": ("xvfb", "xorg-x11-server-Xvfb")}

_PROBE = """
import sys
from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
sys.stdout.write(qVersion())
"""


@dataclass(frozen=True)
class QtReport:
    """Whether Qt starts without a screen: its version, or the problem in one line.

    Parameters
    ----------
    version : str or None
        Qt's version, None where it did not start.
    problem : str or None
        Why it did not start, None where it did.
    """

    version: str | None
    problem: str | None


def missing_libraries(*, screen: bool = False) -> tuple[str, ...]:
    """Return the shared objects Qt needs from the system and the loader can't load.

    Parameters
    ----------
    screen : bool
        Also what it needs for a window on an X screen.

    Returns
    -------
    tuple of str
        Names such as ``"libEGL.so.1"``; empty where Qt's wheels bring all of them, which is
        everywhere but on Linux.
    """
    if not sys.platform.startswith("linux"):
        return ()
    needed = (*_LIBRARIES, *(_SCREEN_LIBRARIES if screen else ()))
    return tuple(name for name in needed if not _loads(name))


def missing_for_tests() -> tuple[str, ...]:
    """Return what the tests that need an X screen lack: shared objects, and Xvfb."""
    if not sys.platform.startswith("linux"):
        return ()
    programs = tuple(name for name in _SCREEN_PROGRAMS if shutil.which(name) is None)
    return (*missing_libraries(screen=True), *programs)


def install_command(missing: tuple[str, ...]) -> str:
    """Return the shell command that installs what is missing, as this user would give it.

    Parameters
    ----------
    missing : tuple of str
        What `missing_libraries` or `missing_for_tests` returned.

    Returns
    -------
    str
        A command for apt or dnf, whichever is here; a sentence naming the files where neither
        is; empty if nothing is missing.
    """
    if not missing:
        return ""
    known = _LIBRARIES | _SCREEN_LIBRARIES | _SCREEN_PROGRAMS
    packages = [
        " ".join(dict.fromkeys(known[name][system] for name in missing)) for system in (0, 1)
    ]
    sudo = "" if getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
    if shutil.which("apt-get"):
        return (
            f"{sudo}apt-get update && "
            f"{sudo}apt-get install -y --no-install-recommends {packages[0]}"
        )
    if shutil.which("dnf"):
        return f"{sudo}dnf install -y {packages[1]}"
    return f"install the packages of this system that hold {', '.join(missing)}"


def check_qt(timeout_s: float = 20.0) -> QtReport:
    """Start Qt without a screen in a process of its own, and say how that went.

    Parameters
    ----------
    timeout_s : float
        How long to wait for it, in seconds.

    Returns
    -------
    QtReport
        Qt's version, or the problem.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return QtReport(None, f"Qt did not start within {timeout_s:g} s")
    if done.returncode == 0:
        return QtReport(done.stdout.strip(), None)
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode > 0:  # a traceback: the error stands in its last line
        return QtReport(None, said[-1] if said else f"Qt ended with exit code {done.returncode}")
    cause = f": {said[0]}" if said else ""
    return QtReport(None, f"Qt was stopped by {signal.Signals(-done.returncode).name}{cause}")


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    lacking = missing_for_tests() if "--screen" in sys.argv else missing_libraries()
    command = install_command(lacking)
    sys.stdout.write(command)
    sys.exit(1 if command else 0)
