"""What Qt needs of the system is found out, and said in one line, before Qt is tried."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from saccade.gui import platform

FILE = Path(__file__).resolve().parents[2] / "gui" / "platform.py"
DEBIAN = ("libglib2.0-0", "libgl1", "libegl1", "libfontconfig1", "libxkbcommon0", "libdbus-1-3")

SCREEN = (
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxcb-xkb1"),
    *("libxkbcommon-x11-0", "xvfb"),
)

linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Qt's wheels bring every library but on Linux"
)


def lacking(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make the loader fail on these shared objects and succeed on all others."""

    def load(name: str) -> None:
        if name in names:
            raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", load)


def on_system(monkeypatch: pytest.MonkeyPatch, *, user: int, manager: str | None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)


@linux_only
def test_exactly_the_libraries_that_do_not_load_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking(monkeypatch, "libEGL.so.1", "libdbus-1.so.3")
    assert platform.missing_libraries() == ("libEGL.so.1", "libdbus-1.so.3")
    lacking(monkeypatch)
    assert platform.missing_libraries() == ()


def test_only_linux_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "libEGL.so.1")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert platform.missing_libraries() == ()


@linux_only
def test_every_library_has_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    on_system(monkeypatch, user=0, manager="apt-get")
    monkeypatch.setattr(platform, "_loads", lambda name: False)
    install = "apt-get update && apt-get install -y --no-install-recommends "
    everything = platform.missing_libraries()
    assert platform.install_command(everything) == install + " ".join(DEBIAN)
    with_screen = platform.missing_for_tests()
    assert platform.install_command(with_screen) == install + " ".join(DEBIAN + SCREEN)
    assert platform.missing_libraries(screen=True) == with_screen[:-1]


@pytest.mark.parametrize(
    ("user", "manager", "expected"),
    [
        (
            1000,
            "apt-get",
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends libegl1 libgl1",
        ),
        (1000, "dnf", "sudo dnf install -y libglvnd-egl libglvnd-glx"),
        (0, "dnf", "dnf install -y libglvnd-egl libglvnd-glx"),
        (0, None, "install the packages of this system that hold libEGL.so.1, libGL.so.1"),
    ],
)
def test_the_command_is_the_one_this_user_would_give(
    monkeypatch: pytest.MonkeyPatch, user: int, manager: str | None, expected: str
) -> None:
    on_system(monkeypatch, user=user, manager=manager)
    assert platform.install_command(("libEGL.so.1", "libGL.so.1")) == expected
    assert platform.install_command(()) == ""


@linux_only
def test_a_package_of_several_libraries_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    on_system(monkeypatch, user=0, manager="dnf")
    assert platform.install_command(("libxcb-shape.so.0", "libxcb-xkb.so.1", "Xvfb")) == (
        "dnf install -y libxcb xorg-x11-server-Xvfb"
    )


@pytest.mark.parametrize("screen", [False, True])
def test_the_file_runs_by_its_path_without_saccade(screen: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(FILE), *(["--screen"] if screen else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    missing = platform.missing_for_tests() if screen else platform.missing_libraries()
    assert (done.returncode, done.stdout, done.stderr) == (
        int(bool(missing)),
        platform.install_command(missing),
        "",
    )


@pytest.mark.skipif(
    bool(platform.missing_libraries()),
    reason=f"Qt can't start here: {platform.install_command(platform.missing_libraries())}",
)
def test_qt_starts_without_a_screen_and_tells_its_version() -> None:
    from PySide6.QtCore import qVersion

    assert platform.check_qt() == platform.QtReport(qVersion(), None)


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (
            "raise ImportError('libEGL.so.1: cannot open shared object file')",
            "ImportError: libEGL.so.1: cannot open shared object file",
        ),
        ("raise SystemExit(3)", "Qt ended with exit code 3"),
    ],
)
def test_a_failure_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, program: str, problem: str
) -> None:
    monkeypatch.setattr(platform, "_PROBE", program)
    assert platform.check_qt() == platform.QtReport(None, problem)


def test_a_qt_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_PROBE", "import threading; threading.Event().wait()")
    report = platform.check_qt(timeout_s=0.2)
    assert report == platform.QtReport(None, "Qt did not start within 0.2 s")


@pytest.mark.skipif(sys.platform == "win32", reason="an abort is no signal on Windows")
def test_an_abort_is_told_with_the_first_thing_qt_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        platform,
        "_PROBE",
        "import os, sys; sys.stderr.write('no plugin\\nmore\\n'); sys.stderr.flush(); os.abort()",
    )
    report = platform.check_qt()
    assert report == platform.QtReport(None, "Qt was stopped by SIGABRT: no plugin")
