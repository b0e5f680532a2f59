"""When a stream counts as stalled and as back, told by a clock that the test sets."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from pylsl.util import LostError

from saccade.realtime.sources.lsl import connection as lsl_connection
from saccade.realtime.sources.lsl.connection import Connection, Ways
from saccade.realtime.types import ClockMeasure


class Inlet:
    """Stands for an inlet: gives out what the test has put in."""

    def __init__(self, uid="first", offset_s=1.0):
        self.name, self.uid = "amp", uid
        self.info = SimpleNamespace(hostname=lambda: "lab")
        self.clock = SimpleNamespace(
            offsets_s=lambda stamps: np.full(len(stamps), offset_s), news=lambda: (None, False)
        )
        self.moved = self.is_broken = self.is_lost = self.closed = False
        self.queue = []
        self.waits_s = []

    @property
    def waiting(self):
        return len(self.queue)

    def pull(self, timeout_s, most, into):
        self.waits_s.append(timeout_s)
        if self.is_lost:
            raise LostError
        stamps, self.queue = self.queue[:most], self.queue[most:]
        return np.array(stamps)[:, None], np.array(stamps, float)

    def nothing(self):
        return np.empty((0, 1)), np.empty(0)

    def broken(self):
        return self.is_broken

    def unwatch(self):
        self.is_broken = False

    def close(self):
        self.closed = True


class Return:
    """Stands for the search: the test says what it has found."""

    def __init__(self, name, xpath, predicate, uid, *_):
        self.uid, self.cancelled, self.found, self.refused = uid, False, None, []
        self.waited_s = []
        self.ready = SimpleNamespace(wait=self.waited_s.append)

    def refusals(self):
        told, self.refused = self.refused, []
        return told

    def take(self):
        return self.found

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def bench(monkeypatch):
    """Return a connection over doubles, its inlet, its searches so far, and a clock to set."""
    now = SimpleNamespace(s=100.0)
    searches = []

    def look(*args):
        searches.append(Return(*args))
        return searches[-1]

    monkeypatch.setattr(lsl_connection.pylsl, "local_clock", lambda: now.s)
    monkeypatch.setattr(lsl_connection, "Return", look)

    def make(stall_s=0.4):
        inlet = Inlet()
        ways = Ways("stream", "xpath", None, lambda _: None, lambda _: (), 5.0, stall_s)
        return Connection(inlet, ways), inlet, searches, now

    return make


def kinds(connection):
    return [event.kind for event in connection.news()[0]]


def test_silence_counts_from_the_first_pull_and_stalls_at_its_limit(bench):
    connection, inlet, searches, now = bench(stall_s=2.0)
    now.s = 200.0
    assert len(connection.pull(0.1, 10)) == 0
    now.s = 201.9
    connection.pull(0.5, 10)
    assert inlet.waits_s == [0.1, pytest.approx(0.1)]  # no longer than until it may be stalled
    assert not connection.untold
    now.s = 202.0 + 1e-9
    connection.pull(0.5, 10)
    assert inlet.waits_s[-1] == 0.0
    assert (kinds(connection), [search.uid for search in searches]) == (["stalled"], ["first"])
    connection.pull(0.5, 10)
    assert inlet.waits_s[-1] == lsl_connection.LOOK_S
    assert (kinds(connection), len(searches)) == ([], 1)


@pytest.mark.parametrize(("piece_s", "told_s"), [(0.02, 0.4), (0.5, 1.0)])
def test_pieces_are_no_stalls_and_a_stall_is_told_as_soon_as_it_is_none_of_them(
    bench, piece_s, told_s
):
    connection, inlet, _, now = bench()
    for _ in range(50):
        connection.pull(0.0, 10)
        now.s += piece_s
        inlet.queue = [now.s, now.s]
    connection.pull(0.0, 10)
    heard_s = now.s
    assert kinds(connection) == []
    while not connection.untold:
        now.s += 0.01
        connection.pull(0.0, 10)
    assert now.s - heard_s == pytest.approx(told_s, abs=0.011)


def test_samples_over_the_old_connection_end_the_stall(bench):
    connection, inlet, searches, now = bench()
    connection.pull(0.0, 10)
    now.s += 1.0
    connection.pull(0.0, 10)
    now.s += 2.0
    inlet.queue = [5.0]
    searches[0].found = Inlet("second")  # at the same moment, and too late
    pulled = connection.pull(0.0, 10)
    assert (pulled.raw_stamps.tolist(), pulled.offsets_s.tolist(), pulled.renewed) == (
        [5.0],
        [1.0],
        False,
    )
    events, _ = connection.news()
    assert [event.kind for event in events] == ["stalled", "resumed"]
    assert events[1].text == "stream 'amp' goes on after 3.0 s"
    assert searches[0].cancelled
    assert connection.inlet is inlet


def test_the_old_connection_is_emptied_before_the_new_one_is_used(bench):
    connection, inlet, searches, now = bench()
    connection.pull(0.0, 2)
    now.s += 1.0
    connection.pull(0.0, 2)
    new = Inlet("second", offset_s=7.0)
    new.queue = [70.0, 71.0]
    searches[0].found = new
    connection.pull(0.0, 2)
    assert (connection.inlet, inlet.closed) == (new, True)
    assert searches[1].uid == "second"  # stalled until its first sample
    assert kinds(connection) == ["stalled"]
    now.s += 1.0
    pulled = connection.pull(0.0, 2)
    assert (pulled.raw_stamps.tolist(), pulled.offsets_s.tolist(), pulled.renewed) == (
        [70, 71],
        [7.0, 7.0],
        True,
    )
    (event,) = connection.news()[0]
    assert (event.kind, event.text) == ("resumed", "stream 'amp' is back on lab after 2.0 s")
    assert searches[1].cancelled
    new.queue = [72.0]
    assert not connection.pull(0.0, 2).renewed


def test_an_inlet_that_has_moved_is_left_and_waited_for(bench):
    connection, inlet, searches, _ = bench()
    connection.pull(0.0, 10)
    inlet.moved = True
    connection.pull(0.1, 10)
    assert kinds(connection) == ["stalled"]
    connection.pull(0.05, 10)
    assert searches[0].waited_s == [0.05]
    assert inlet.waits_s[-1] == 0.0


def test_a_marker_stream_may_be_silent_but_its_sender_may_not_go(bench):
    connection, inlet, searches, now = bench(stall_s=None)
    connection.pull(0.0, 10)
    now.s += 3600.0
    connection.pull(3.0, 10)
    assert inlet.waits_s[-1] == 3.0
    assert not connection.untold
    inlet.is_broken = True
    inlet.queue = [1.0, 2.0]
    assert len(connection.pull(0.0, 1)) == len(connection.pull(0.0, 1)) == 1
    assert not connection.untold
    connection.pull(0.0, 1)
    assert kinds(connection) == ["stalled"]
    inlet.queue = [3.0]  # was on its way
    now.s += 1.0
    assert len(connection.pull(0.0, 1)) == 1
    assert (kinds(connection), searches[0].cancelled) == ([], False)
    new = Inlet("second")
    searches[0].found = new
    connection.pull(0.0, 1)
    assert kinds(connection) == ["resumed"]
    assert len(searches) == 1  # nobody looks for one that is there
    new.queue = [9.0]
    assert connection.pull(0.0, 1).renewed


def test_a_marker_stream_whose_connection_liblsl_mends_goes_on(bench):
    connection, inlet, searches, now = bench(stall_s=None)
    inlet.is_broken = True
    connection.pull(0.0, 1)
    now.s += 2.0
    inlet.queue = [3.0]
    connection.pull(0.0, 1)
    assert kinds(connection) == ["stalled", "resumed"]
    assert searches[0].cancelled
    connection.pull(0.0, 1)
    assert kinds(connection) == []


def test_refusals_are_events_and_the_search_goes_on(bench):
    connection, _, searches, now = bench()
    connection.pull(0.0, 1)
    now.s += 1.0
    connection.pull(0.0, 1)
    searches[0].refused = ["no", "neither"]
    connection.pull(0.0, 1)
    events, _ = connection.news()
    assert [event.kind for event in events] == ["stalled", "refused", "refused"]
    assert [event.text for event in events[1:]] == ["no", "neither"]
    assert not searches[0].cancelled


def test_a_lost_stream_is_told_once_with_what_it_took_along(bench):
    connection, inlet, searches, _ = bench()
    inlet.is_lost = True
    inlet.queue = [1.0, 2.0, 3.0, math.nan]  # the last is liblsl's own, to wake who waits
    connection.pull(0.0, 10)
    (event,) = connection.news()[0]
    assert (event.kind, event.text) == ("lost", connection.lost)
    assert "with 3 samples that had come and were not read yet" in connection.lost
    assert searches == []


def test_a_clock_that_was_set_is_kept_for_the_next_sample(bench):
    connection, inlet, _, _ = bench()
    measure = ClockMeasure("amp", 100.0, 9.0, 0.1)
    inlet.clock.news = lambda: (measure, True)
    assert not connection.pull(0.0, 1).raw_stamps.size
    inlet.clock.news = lambda: (None, False)
    inlet.queue = [1.0, 2.0]
    assert [connection.pull(0.0, 1).renewed for _ in range(2)] == [True, False]
    assert connection.news()[1] == [measure]
    inlet.moved = True  # the clock of somebody else
    inlet.clock.news = lambda: (measure, True)
    connection.pull(0.0, 1)
    assert connection.news()[1] == []


def test_closing_ends_the_search(bench):
    connection, inlet, searches, now = bench()
    connection.pull(0.0, 1)
    now.s += 1.0
    connection.pull(0.0, 1)
    connection.close()
    connection.close()
    assert searches[0].cancelled
    assert inlet.closed
