"""What a session told of itself, out of its log; what is none is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from saccade.realtime.errors import RecordingError
from saccade.realtime.replay.account import read_account

SESSION = {"type": "session", "session": {"labels": {"1": "dog"}}}
EPOCH = {"epoch": 0, "onset_s": 1.5, "marker": "1"}
PREDICTION = {"type": "prediction", **EPOCH, "top": [{"name": "dog"}], "shown": {"dog": 0.5}}
REJECTED = {"type": "rejected", **EPOCH, "onset_s": None, "marker": None, "rejected": ["gap"]}
MESSAGES = [PREDICTION, REJECTED, {"type": "summary"}]


def log(tmp_path, *lines, end="\n"):
    path = tmp_path / "session.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + end, encoding="utf-8")
    return path


def test_a_log(tmp_path):
    account = read_account(log(tmp_path, SESSION, *MESSAGES))
    assert account.name == "session.jsonl"
    assert account.session == {"labels": {"1": "dog"}}
    assert list(account.messages) == MESSAGES


def test_of_a_log_that_ends_in_the_middle_of_a_line_the_rest_counts(tmp_path):
    path = log(tmp_path, SESSION, *MESSAGES, end='\n{"type": "predi')
    assert list(read_account(path).messages) == MESSAGES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", None, r"no log or recording at .*a\.jsonl"),
        ("a.npz", b"", r"a\.npz should be an \.xdf of run --record or a \.jsonl log.*--against"),
        ("a.jsonl", b"", r"begin with a line of type 'session', not with 0 bytes without an end"),
        ("a.jsonl", b'{"type": "status"}\n', r"'session', not with 'status'"),
        ("a.jsonl", b"{1}\n", r"message 1 should be JSON"),
        ("a.jsonl", b"\xff\xfe\n", r"message 1 should be JSON"),
        (
            "a.jsonl",
            b'{"type": "session", "session": {}}\n[3]\n',
            r"message 2 should be a JSON obj",
        ),
    ],
)
def test_what_is_no_account(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=message):
        read_account(path)


@pytest.mark.parametrize(
    ("what", "key", "value", "message"),
    [
        (
            SESSION,
            "session",
            None,
            "the first message should have an object as 'session', not None",
        ),
        (SESSION, "session", 3, "the first message should have an object as 'session', not 3"),
        ("session", "labels", [1], r"the session should have an object of texts as 'labels', not"),
        ("session", "labels", {"1": 3}, "an object of texts as 'labels'"),
        ("session", "ignore", "99", "a list of texts as 'ignore', not '99'"),
        ("session", "decoder", None, "an object as 'decoder', not None"),
        ("session", "versions", [], "an object as 'versions'"),
        (
            PREDICTION,
            "onset_s",
            ...,
            "result 1 should have a number or null as 'onset_s', not noth",
        ),
        (PREDICTION, "onset_s", "x", "a number or null as 'onset_s', not 'x'"),
        (PREDICTION, "onset_s", float("nan"), "message 2 should be JSON, but: NaN is none"),
        (PREDICTION, "epoch", 0.5, "a whole number as 'epoch'"),
        (PREDICTION, "marker", 1, "a text or null as 'marker', not 1"),
        (PREDICTION, "top", [], r"a list of concepts as 'top', not \[\]"),
        (PREDICTION, "top", [{"score": 1.0}], "a list of concepts as 'top'"),
        (PREDICTION, "shown", [1], "an object as 'shown'"),
        (REJECTED, "rejected", [1], "a list of texts as 'rejected'"),
    ],
)
def test_an_altered_log_is_refused_with_what_is_wrong(tmp_path, what, key, value, message):
    changed = {key: value} if value is not ... else {}
    if what == "session":
        lines = [SESSION | {"session": SESSION["session"] | changed}]
    elif what is SESSION:
        lines = [{"type": "session"} | changed]
    else:
        lines = [SESSION, {k: v for k, v in what.items() if k != key} | changed]
    with pytest.raises(RecordingError, match=message):
        read_account(log(tmp_path, *lines))


def predictions(xdf_stream, messages=MESSAGES, name="saccade-predictions", session=SESSION):
    lines = [[json.dumps(message)] for message in messages]
    own = [("session", json.dumps(session["session"]))]
    return xdf_stream(name, "Predictions", lines, [*range(len(lines))], own=own)


def test_a_recording(write_xdf, xdf_stream):
    eeg = xdf_stream("Amp", "EEG", np.zeros((4, 2), np.float32), [0.0, 0.1, 0.2, 0.3], 10.0)
    account = read_account(write_xdf(eeg, predictions(xdf_stream)))
    assert (account.name, account.session) == ("run.xdf", SESSION["session"])
    assert list(account.messages) == MESSAGES


def test_recordings_without_an_account_or_with_two(write_xdf, xdf_stream):
    eeg = xdf_stream("Amp", "EEG", np.zeros((4, 2), np.float32), [0.0, 0.1, 0.2, 0.3], 10.0)
    with pytest.raises(
        RecordingError, match=r"one stream of type 'Predictions'.*not none.*--again"
    ):
        read_account(write_xdf(eeg))
    both = (predictions(xdf_stream, name=name) for name in ("one", "other"))
    with pytest.raises(RecordingError, match="not 'one', 'other': give the session's log"):
        read_account(write_xdf(*both, name="both.xdf"))


def test_a_recording_whose_messages_were_altered(write_xdf, xdf_stream):
    stream = predictions(xdf_stream)
    stream.values[1] = ["{"]
    with pytest.raises(RecordingError, match=r"run\.xdf: message 2 should be JSON"):
        read_account(write_xdf(stream))
