"""Start the stimulus window: ``python -m saccade.gui.stimuli``, settings and orders on its input.

The first line are the settings, as :class:`~saccade.calibration.stimuli.StimuliSettings` writes
them; the others are orders. Whatever keeps it from starting is told as a message before anything
is shown, for it is a program that reads this, not a person.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.platform import install_command, missing_libraries
from saccade.gui.stimuli.parent import Gone, Parent
from saccade.realtime.errors import ConfigError, SaccadeError
from saccade.realtime.session_clock import SessionClock


def main() -> int:
    """Open the window, obey orders, close it; return the exit code."""
    out = sys.stdout.buffer
    try:
        settings = StimuliSettings.from_json(sys.stdin.buffer.readline().decode(errors="replace"))
        _check_display()
        _show(settings, Parent(sys.stdin.buffer, out))
    except SaccadeError as error:
        with contextlib.suppress(OSError):
            out.write(json.dumps({"at": "refused", "text": str(error)}).encode() + b"\n")
            out.flush()
        return 1
    except Gone:
        pass
    return 0


def _check_display() -> None:
    """Refuse to try what Qt would answer by aborting the process."""
    display, wayland, chosen = (
        os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )
    on_x = chosen.startswith("xcb") or bool(display and not wayland and not chosen)
    missing = missing_libraries(screen=on_x)
    if missing:
        raise ConfigError(
            f"Qt lacks {', '.join(missing)} of this system: {install_command(missing)}"
        )
    if sys.platform.startswith("linux") and not (display or wayland or chosen):
        raise ConfigError(
            "there is no screen to show pictures on (neither DISPLAY nor WAYLAND_DISPLAY is set): "
            "start it from a desktop session, or with xvfb-run where nobody needs to see them"
        )


def _show(settings: StimuliSettings, parent: Parent) -> None:
    from PySide6.QtGui import QGuiApplication

    from saccade.gui.stimuli.open_screen import open_screen
    from saccade.gui.stimuli.outlets import StimulusOutlets
    from saccade.gui.stimuli.pictures import check_files
    from saccade.gui.stimuli.priority import raise_priority
    from saccade.gui.stimuli.show import Show

    application = QGuiApplication([])
    application.setQuitOnLastWindowClosed(False)
    check_files(settings.pictures)
    clock = SessionClock(settings.speed, settings.origin_s)
    screen = open_screen(settings, clock)
    about = {
        "refresh_hz": screen.refresh_hz,
        "vsync": screen.vsync,
        "surface": screen.surface,
        "size_px": list(screen.size),
        "priority": "raised" if raise_priority() else "usual",
    }
    outlets = StimulusOutlets(settings, about)
    try:
        show = Show(settings, screen, parent, outlets, clock)
        parent.tell({"at": "ready", **about})
        show.run()
    finally:
        outlets.close()
        screen.close()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Qt and liblsl have nothing left to do, and may fail at doing it
