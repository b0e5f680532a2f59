"""The folder of a session: begun once, held by one, resumed with what it was begun with."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from saccade.calibration.folder import About, SessionFolder, read_about
from saccade.calibration.session_events import BlockBegun, Opened
from saccade.realtime.errors import SessionError

ABOUT = About(
    protocol={"kind": "single", "trials": 10},
    plan="plan",
    gallery="gallery",
    settings={"pipeline": {"low_hz": 0.5, "bads": ["O1"]}},
    versions={"numpy": "2"},
)
OPENED = Opened("Amp", 250.0, ("Cz", "Oz"), ("µV", "µV"), simulated=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "session"


def test_what_was_asked_for_is_read_again(path):
    with SessionFolder.create(path, ABOUT) as folder:
        folder.append([OPENED])
    with SessionFolder.open(path) as folder:
        assert folder.about == ABOUT == read_about(path)
        assert folder.events == [OPENED]
        folder.require(ABOUT)
        folder.require(dataclasses.replace(ABOUT, versions={}))


def test_a_new_one_needs_an_empty_folder(path):
    path.mkdir(parents=True)
    (path / "holiday.jpg").touch()
    with pytest.raises(SessionError, match="a new session needs an empty folder"):
        SessionFolder.create(path, ABOUT)
    assert [p.name for p in path.iterdir() if p.name != "lock"] == ["holiday.jpg"]


def test_one_that_is_there_is_not_begun_again(path):
    SessionFolder.create(path, ABOUT).close()
    with pytest.raises(SessionError, match="or resume the session that is in it"):
        SessionFolder.create(path, ABOUT)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": {"kind": "single", "trials": 12}}, "protocol (trials was 10, is 12)"),
        ({"gallery": "other"}, 'gallery (was "gallery", is "other")'),
        ({"speed": 4.0}, "speed (was 1.0, is 4.0)"),
        (
            {"settings": {"pipeline": {"low_hz": 0.5, "bads": []}}},
            'settings (pipeline bads was ["O1"], is [])',
        ),
        ({"settings": {}}, "settings (pipeline was "),
        ({"plan": "other"}, "plan (was"),
    ],
)
def test_with_other_settings_it_does_not_go_on(path, changes, said):
    with SessionFolder.create(path, ABOUT) as folder:
        with pytest.raises(SessionError, match="was begun with another") as caught:
            folder.require(dataclasses.replace(ABOUT, **changes))
        assert said in str(caught.value)


HOLD = """
import sys, pathlib
from saccade.calibration.folder import SessionFolder
folder = SessionFolder.open(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_share_it_and_a_killed_one_holds_nothing(path):
    SessionFolder.create(path, ABOUT).close()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SessionError, match="another process is at the session"):
            SessionFolder.open(path)
    finally:
        other.kill()
        other.wait()
        other.stdin.close()
        other.stdout.close()
    SessionFolder.open(path).close()


def test_recordings_that_count_are_in_the_order_in_which_they_were_made(path):
    with SessionFolder.create(path, ABOUT) as folder:
        for number in (1, 2, 9, 10, 100):
            folder.run_path(number).touch()
        folder.set_aside(2)
        folder.set_aside(3)  # is not there: nothing to do
        names = [p.name for p in folder.recordings()]
        assert names == ["run-01.xdf", "run-09.xdf", "run-10.xdf", "run-100.xdf"]
        assert (path / "set-aside" / "run-02.xdf").exists()


def test_one_in_which_nothing_has_happened_can_be_taken_away(path):
    SessionFolder.create(path, ABOUT).discard()
    assert not path.exists()
    folder = SessionFolder.create(path, ABOUT)
    folder.append([OPENED, BlockBegun(1, (0,))])
    folder.discard()
    with SessionFolder.open(path) as again:
        assert again.events == [OPENED, BlockBegun(1, (0,))]


def test_what_is_no_session_is_refused(path):
    with pytest.raises(SessionError, match="there is no session in"):
        SessionFolder.open(path)
    path.mkdir(parents=True)
    for content, said in (
        ("{", "is damaged"),
        ("[]", "is not of version 1"),
        ('{"version": 2}', "is not of version 1"),
        (json.dumps({"version": 1, "plan": "p"}), "needs protocol"),
    ):
        (path / "session.json").write_text(content)
        with pytest.raises(SessionError, match=said):
            SessionFolder.open(path)


def test_a_damaged_journal_does_not_keep_the_lock(path):
    with SessionFolder.create(path, ABOUT):
        pass
    whole = (path / "journal.jsonl").read_bytes()
    (path / "journal.jsonl").write_bytes(b"x\n" + whole)
    with pytest.raises(SessionError, match="damaged in line 1"):
        SessionFolder.open(path)
    (path / "journal.jsonl").write_bytes(whole)
    SessionFolder.open(path).close()
