"""The journal keeps what happened through crashes, and refuses what is damaged."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from saccade.calibration import journal
from saccade.calibration.journal import Journal
from saccade.calibration.session_events import (
    Answered,
    BlockBegun,
    Judged,
    Opened,
    Reopened,
    TrialDone,
    from_json,
)
from saccade.realtime.errors import SessionError

EVENTS = (
    Opened("Amp", 250.0, ("Cz", "Oz"), ("µV", "µV"), simulated=True),
    Judged(False, "O1 is flat\n", {"O1": "0 µV"}),
    BlockBegun(1, (0, 1)),
    TrialDone(1, 0, "café", 12.5, ("peak to peak 143 µV",)),
    Answered("more", 20),
    Reopened({"1": (0, 1)}),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def written(path, events=EVENTS):
    made = Journal(path)
    made.append(events)
    made.close()
    return path


def test_what_is_appended_is_read_again_in_order(path):
    assert journal.read(written(path)) == EVENTS
    again = Journal(path)
    assert again.events == list(EVENTS)
    again.append([Answered("go")])
    again.close()
    assert journal.read(path) == (*EVENTS, Answered("go"))


def test_a_line_is_an_object_with_number_and_time_that_any_program_reads(path):
    lines = [json.loads(line) for line in written(path).read_text("utf-8").splitlines()]
    assert [line["n"] for line in lines] == list(range(7))
    assert lines[0] | {"time": ""} == {"n": 0, "time": "", "at": "journal", "version": 1}
    assert lines[4]["at"] == "trial_done"
    assert lines[4]["concept"] == "café"
    assert lines[4]["time"] > "2026"


def test_every_append_is_on_the_disk_before_it_returns(path, monkeypatch):
    synced = []
    monkeypatch.setattr(journal.os, "fsync", lambda _: synced.append(path.read_bytes()))
    made = Journal(path)
    made.append(EVENTS[:2])
    made.append(EVENTS[2:3])
    made.append([])
    made.close()
    assert [content.count(b"\n") for content in synced] == [1, 3, 4]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.integers(0, 1200))
def test_torn_anywhere_it_has_what_was_whole_and_goes_on(path, cut):
    path.unlink(missing_ok=True)
    whole = written(path).read_bytes()
    path.write_bytes(whole[:cut])
    n_whole = max(0, whole[:cut].count(b"\n") - 1)
    again = Journal(path)
    assert again.events == list(EVENTS[:n_whole])
    again.append([Answered("fit")])
    again.close()
    assert journal.read(path) == (*EVENTS[:n_whole], Answered("fit"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: lines[2].replace(b'"bad"', b"bad"), r"damaged in line 3 \(Expecting"),
        (lambda lines: b"", r"damaged in line 3 \("),
        (lambda lines: lines[3], r"damaged in line 3 \(line 2 of the session expected\)"),
        (lambda lines: b'{"n": 2, "at": "rumour"}\n', "line 3: expected one of the events opened"),
        (lambda lines: b'{"n": 2, "at": "judged"}\n', "line 3: the event judged needs good"),
        (lambda lines: b'{"n": 2, "at": "rested", "x": 1}\n', "rested has no setting 'x'"),
        (
            lambda lines: b'{"n": 2, "at": "judged", "good": true, "text": "", "bad": []}\n',
            r"bad of the event judged must be a table of text to text, not \[\]",
        ),
        (lambda lines: b"\xff\n", r"damaged in line 3 \("),
        (lambda lines: b"[2]\n", r"damaged in line 3 \("),
    ],
)
def test_a_line_damaged_in_the_middle_is_refused_with_its_number(path, damage, said):
    lines = written(path).read_bytes().splitlines(keepends=True)
    lines[2] = damage(lines) or b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(SessionError, match=said):
        journal.read(path)
    with pytest.raises(SessionError, match=said):
        Journal(path)
    assert path.read_bytes() == b"".join(lines)


def test_what_is_no_journal_or_of_another_version_is_refused(path, monkeypatch):
    path.write_text('{"n": 0, "at": "diary"}\n')
    with pytest.raises(SessionError, match="is no journal of a session"):
        journal.read(path)
    path.write_text('{"n": 0, "at": "journal", "version": 9}\n')
    with pytest.raises(SessionError, match="version 9, and this saccade reads 1"):
        journal.read(path)
    with pytest.raises(SessionError, match="no journal can be read at"):
        journal.read(path.with_name("none"))
    monkeypatch.setattr(journal, "MOST_BYTES", 10)
    with pytest.raises(SessionError, match="and a journal at most"):
        journal.read(path)


def test_a_disk_that_takes_no_more_is_told(path, monkeypatch):
    made = Journal(path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(SessionError, match=r"can't be written: No space left on device; make room"):
        made.append(EVENTS[:1])
    assert made.events == []
    made.close()
    with pytest.raises(SessionError, match="is closed"):
        made.append(EVENTS[:1])


def test_it_can_only_be_where_files_can_be(tmp_path):
    with pytest.raises(SessionError, match="can't be written: "):
        Journal(tmp_path / "none" / "journal.jsonl")


def test_an_event_of_no_name_is_refused():
    with pytest.raises(SessionError, match="expected one of the events"):
        from_json({"at": "birthday"})
