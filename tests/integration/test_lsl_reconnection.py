"""An amplifier, or a marker program, that vanishes and returns: told, joined again, or refused.

Senders are programs of their own that are killed without a word, where that matters; where it
does not, they are outlets of this process. Nobody sleeps: whatever is awaited has a deadline far
beyond what it takes, for the computer may be busy.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pylsl
import pytest

from saccade.cli.configuration import load
from saccade.cli.wiring import lsl_source
from saccade.realtime.errors import StreamLost
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.sources.lsl import comeback as lsl_return
from saccade.realtime.sources.lsl import resolve as lsl_resolve
from saccade.realtime.sources.lsl.inlet import Inlet
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Flag

pytestmark = pytest.mark.lsl

RENEWED = Flag.GAP | Flag.CLOCK
DEADLINE_S = 60.0

# An amplifier of four channels, the first of which counts; or a program that counts in markers.
SENDER = """
import sys, time, pylsl
name, kind, sfreq, labels = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4].split(",")
markers = kind == "Markers"
info = pylsl.StreamInfo(name, kind, len(labels), 0 if markers else sfreq,
                        "string" if markers else "float32", "id-" + name)
channels = info.desc().append_child("channels")
for label in labels:
    channel = channels.append_child("channel")
    channel.append_child_value("label", label)
    channel.append_child_value("unit", "microvolts")
    channel.append_child_value("type", "EEG")
outlet = pylsl.StreamOutlet(info, 1)
print("up", flush=True)
count, begun = 0, time.monotonic()
while True:
    outlet.push_sample([str(count) if markers else float(count)] * len(labels))
    count += 1
    time.sleep(max(0.0, begun + count / sfreq - time.monotonic()))
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do without the search for a second stream at the start."""
    monkeypatch.setattr(lsl_resolve, "GRACE_S", 0.0)


@pytest.fixture
def program():
    """Return what starts a sender as a program of its own; all are gone at the end."""
    started = []

    def start(name, sfreq=250.0, labels="C3,C4,O1,O2", kind="EEG"):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, name, kind, str(sfreq), labels],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        kill(process)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.fixture
def listen():
    """Return what opens a source; all are closed at the end."""
    opened = []

    def start(name, *markers, **settings):
        queries = tuple(StreamQuery(name=marker) for marker in markers)
        settings = {"resolve_timeout_s": 30.0, "unit": "uV"} | settings
        source = LSLSource(LSLSourceSettings(StreamQuery(name=name), queries, **settings))
        opened.append(source)
        source.open()
        return source

    yield start
    for source in opened:
        source.close()


@dataclasses.dataclass
class Log:
    """All that a source has given out."""

    chunks: list[Any] = dataclasses.field(default_factory=list)
    markers: list[Any] = dataclasses.field(default_factory=list)
    events: list[Any] = dataclasses.field(default_factory=list)
    clocks: list[Any] = dataclasses.field(default_factory=list)
    reads_s: list[float] = dataclasses.field(default_factory=list)

    def read(self, source, timeout_s=0.05):
        begun_s = time.monotonic()
        reading = source.read(timeout_s)
        self.reads_s.append(time.monotonic() - begun_s)
        if len(reading.chunk):
            self.chunks.append(reading.chunk)
        self.markers += reading.markers
        self.events += reading.events
        self.clocks += reading.clocks

    def until(self, source, met: Callable[[], bool], feed: Callable[[], object] = int):
        deadline_s = time.monotonic() + DEADLINE_S
        while not met():
            assert time.monotonic() < deadline_s, (self.kinds(), self.n)
            feed()
            self.read(source)

    @property
    def n(self):
        return sum(map(len, self.chunks))

    def kinds(self):
        return [event.kind for event in self.events]

    def values(self):
        return np.concatenate([chunk.data[:, 0] for chunk in self.chunks])

    def flags(self):
        return np.concatenate([chunk.flags for chunk in self.chunks])


def send(
    name, *, n=2, sfreq=100.0, fmt="float32", labels=None, unit="uV", kind="EEG", source_id=None
):
    """Open an outlet of this process."""
    info = pylsl.StreamInfo(
        name, kind, n, sfreq, fmt, f"id-{name}" if source_id is None else source_id
    )
    info.set_channel_labels(labels or [f"C{i + 1}" for i in range(n)])
    info.set_channel_units(unit)
    return pylsl.StreamOutlet(info)


def send_markers(name, **about):
    return send(name, **({"n": 1, "sfreq": 0.0, "fmt": "string", "kind": "Markers"} | about))


class Feeder:
    """Sends one sample that counts at every call, as long as it has an outlet."""

    def __init__(self, outlet=None):
        self.outlet = outlet
        self.count = 0

    def __call__(self):
        if self.outlet is not None:
            self.outlet.push_sample([self.count] * self.outlet.channel_count)
            self.count += 1


def test_a_killed_amplifier_is_stalled_and_resumed_with_its_clock_measured(
    stream_name, program, listen
):
    amplifier = program(stream_name)
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 100)
    kill(amplifier)
    gone_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    (stalled,) = log.events
    assert (stalled.kind, stalled.stream) == ("stalled", stream_name)
    assert "no sample for 0.4" in stalled.text
    n_before = log.n
    assert stalled.at_s - gone_s < 0.5 + 2.0  # half a second, and what a busy computer adds
    assert np.array_equal(log.values(), np.arange(log.values()[0], log.values()[0] + n_before))
    n_clocks = len(log.clocks)

    program(stream_name)
    log.until(source, lambda: log.n >= n_before + 100)
    assert log.kinds() == ["stalled", "resumed"]
    assert f"stream '{stream_name}' is back on" in log.events[1].text
    flags = log.flags()
    assert flags[n_before] == RENEWED
    assert not np.delete(flags, n_before).any()
    values = log.values()[n_before:]  # of the new sender: it counts anew, and none is left out
    assert np.array_equal(values, np.arange(values[0], values[0] + len(values)))
    first = next(chunk for chunk in log.chunks if chunk.index == n_before)
    new = log.clocks[n_clocks]
    assert new.at_s < first.received_s  # known before it was needed
    assert np.array_equal(first.stamps, first.raw_stamps + new.offset_s)
    assert [chunk.index for chunk in log.chunks] == [
        sum(map(len, log.chunks[:i])) for i in range(len(log.chunks))
    ]
    assert max(log.reads_s) < 0.05 + 1.0  # and not the two thirds of a second that a clock takes


def test_a_killed_amplifier_s_last_samples_are_all_handed_out(stream_name, listen):
    """They are in the inlet, or on their way to it, when the sender dies."""
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    for _ in range(5000):
        feeder()
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 5000:
        assert time.monotonic() < deadline_s
    feeder.outlet = None
    log.until(source, lambda: bool(log.events))
    assert np.array_equal(log.values(), np.arange(5000))
    assert source.backlog == 0


def test_an_amplifier_that_is_silent_is_stalled_and_goes_on(stream_name, listen):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    silent_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    assert 0.0 < log.events[0].at_s - silent_s < 0.5 + 2.0
    log.until(source, lambda: len(log.events) == 2, feeder)
    assert log.kinds() == ["stalled", "resumed"]
    assert f"stream '{stream_name}' goes on after" in log.events[1].text
    assert not log.flags().any()  # the same clock; the gap is in the stamps
    assert np.array_equal(log.values(), np.arange(log.n))


def test_how_long_a_signal_may_be_silent_is_set(stream_name, listen):
    feeder = Feeder(send(stream_name))
    patient = Log(), listen(stream_name, stall_s=2.0)
    slow = send(f"{stream_name}-slow", sfreq=2.0)
    sparse = Log(), listen(f"{stream_name}-slow")
    feeder()
    for log, source in (patient, sparse):
        begun_s = pylsl.local_clock()
        log.until(source, lambda log=log: bool(log.events))
        least_s = 2.0 if log is patient[0] else 1.5  # three periods of 2 Hz
        assert log.events[0].at_s - begun_s > least_s - 0.01
    del slow


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sfreq": 500.0}, "500 Hz instead of 100 Hz"),
        ({"n": 3}, "3 channels instead of 2"),
        ({"fmt": "int16", "sfreq": 0.0}, "no rate instead of 100 Hz, int16 instead of float32"),
    ],
)
def test_an_amplifier_that_comes_back_as_another_is_refused_and_the_right_one_awaited(
    stream_name, listen, changes, said
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = None
    log.until(source, lambda: log.kinds() == ["stalled"])
    feeder.outlet = send(stream_name, **changes)
    log.until(source, lambda: len(log.events) == 2, feeder)
    assert log.events[1].kind == "refused"
    assert f"'{stream_name}' is back on" in log.events[1].text
    assert f"with {said}" in log.events[1].text
    for _ in range(20):  # told once, and no sample of it taken
        feeder()
        log.read(source)
    other, feeder.outlet = feeder.outlet, send(stream_name)
    n_before = log.n
    log.until(source, lambda: log.n >= n_before + 5, feeder)
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert np.flatnonzero(log.flags()).tolist() == [n_before]
    del other


def test_two_that_claim_to_be_the_one_are_refused_until_one_is_left(
    stream_name, listen, monkeypatch
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    # As long as the first delivers, another changes nothing.
    twins = [send(stream_name)]
    log.until(source, lambda: log.n >= 40, feeder)
    assert log.kinds() == []
    feeder.outlet = None
    twins.append(send(stream_name))
    found: dict[str, pylsl.StreamInfo] = {}
    deadline_s = time.monotonic() + DEADLINE_S
    while len(found) < 2:  # on loopback a question reaches one of them
        assert time.monotonic() < deadline_s
        answers = pylsl.resolve_bypred(f"name='{stream_name}'", 2, 0.5)
        found |= {info.uid(): info for info in answers}
    both = list(found.values())
    monkeypatch.setattr(lsl_return.pylsl, "resolve_bypred", lambda _, least, __: both[:least])
    log.until(source, lambda: "refused" in log.kinds())
    assert "2 streams claim to be" in log.events[-1].text, log.events
    monkeypatch.undo()
    twins.pop()
    log.until(source, lambda: log.n >= 45, lambda: twins[0].push_sample([-1.0, -1.0]))
    assert log.kinds()[-1] == "resumed"
    assert (log.values()[:40] >= 0).all()


def test_a_stream_with_another_name_is_not_the_one_that_went(stream_name, listen):
    """Some makers give all streams of a device one source id."""
    feeder = Feeder(send(stream_name, source_id="device"))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = send(f"{stream_name}-accelerometer", source_id="device")
    log.until(source, lambda: log.kinds() == ["stalled"])
    for _ in range(30):
        feeder()
        log.read(source)
    assert log.kinds() == ["stalled"]


def test_a_marker_program_comes_and_goes_while_the_signal_flows(stream_name, program, listen):
    program(stream_name)
    name = f"{stream_name}-m"
    markers = program(name, sfreq=100.0, labels="marker", kind="Markers")
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: len(log.markers) >= 50)
    kill(markers)
    gone_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    assert (log.events[0].kind, log.events[0].stream) == ("stalled", name)
    assert f"marker stream '{name}': its sender is gone" in log.events[0].text
    assert log.events[0].at_s - gone_s < 0.5 + 2.0
    n_before = len(log.markers)
    numbers = [int(marker.value) for marker in log.markers]
    assert numbers == list(range(numbers[0], numbers[0] + n_before))
    markers = program(name, sfreq=100.0, labels="marker", kind="Markers")
    log.until(source, lambda: len(log.markers) >= n_before + 50)
    assert log.kinds() == ["stalled", "resumed"], log.events
    numbers = [int(marker.value) for marker in log.markers[n_before:]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {measure.stream for measure in log.clocks} == {stream_name, name}
    # All the while the signal was whole, and nobody waited for the markers.
    assert np.array_equal(log.values(), np.arange(log.values()[0], log.values()[0] + log.n))
    assert not log.flags().any()
    delays_s = [chunk.received_s - chunk.stamps[0] for chunk in log.chunks]
    assert np.percentile(delays_s, 95) < 0.1


def test_markers_go_on_while_the_amplifier_is_away(stream_name, listen):
    feeder, name = Feeder(send(stream_name)), f"{stream_name}-m"
    source_of_markers = Feeder(send_markers(name))
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = None
    log.until(source, lambda: log.kinds() == ["stalled"])

    def mark():
        source_of_markers.outlet.push_sample([str(len(log.markers))])

    log.until(source, lambda: len(log.markers) >= 20, mark)
    waits_s = [marker.received_s - marker.stamp for marker in log.markers]
    assert np.median(waits_s) < 0.2  # a look lasts a tenth
    feeder.outlet = send(stream_name)
    log.until(source, lambda: "resumed" in log.kinds(), feeder)
    assert log.kinds() == ["stalled", "resumed"]


def test_a_marker_stream_that_comes_back_as_another_is_refused(stream_name, listen):
    feeder, name = Feeder(send(stream_name)), f"{stream_name}-m"
    events = send_markers(name)
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    events.push_sample(["last"])
    deadline_s = time.monotonic() + DEADLINE_S
    while source._markers[0].inlet.waiting < 1:  # on its way is lost with its sender
        assert time.monotonic() < deadline_s
    del events
    log.until(source, lambda: bool(log.events), feeder)
    assert [marker.value for marker in log.markers] == ["last"]
    events = send_markers(name, fmt="int32")
    log.until(source, lambda: len(log.events) == 2, feeder)
    del events
    assert log.events[1].kind == "refused"
    assert "with int32 instead of string" in log.events[1].text
    events = send_markers(name)
    log.until(source, lambda: len(log.events) == 3, feeder)
    log.until(source, lambda: len(log.markers) > 1, lambda: events.push_sample(["first"]))
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert [marker.value for marker in log.markers[:2]] == ["last", "first"]


@pytest.mark.parametrize("sfreq", [100.0, 500.0])
def test_what_liblsl_joins_by_itself_is_not_taken_for_the_same(stream_name, listen, sfreq):
    """It does so when nobody reads for some seconds, and does not mind another rate."""
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    stamps = pylsl.local_clock() + np.arange(20) / 100.0
    feeder.outlet.push_chunk(np.full((20, 2), 1000.0, np.float32), stamps)
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 20:
        assert time.monotonic() < deadline_s
    feeder.outlet = None
    feeder.outlet = send(stream_name, sfreq=sfreq)
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 30:  # ten of the new sender's, in the same inlet
        assert time.monotonic() < deadline_s
        feeder.outlet.push_sample([-1.0, -1.0])
    n_before = log.n
    log.read(source)
    assert log.values()[n_before:].tolist() == [1000.0] * 20  # the old sender's, and no other
    log.until(source, lambda: len(log.events) == 2, feeder)
    if sfreq == 100.0:
        assert log.kinds() == ["stalled", "resumed"]
        assert log.flags()[n_before + 20] == RENEWED
    else:
        assert log.kinds() == ["stalled", "refused"]
        assert log.n == n_before + 20
    assert not (log.values() == -1.0).any()


def test_a_clock_that_is_set_is_flagged_where_it_is_first_used(stream_name, listen, monkeypatch):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    measured = lsl_clock.measured
    ahead_s = 0.05

    def shifted(inlet, timeout_s):
        offset_s, at_s, round_trip_s = measured(inlet, timeout_s)
        return offset_s + ahead_s, at_s + ahead_s, round_trip_s

    monkeypatch.setattr(lsl_clock, "measured", shifted)
    log.until(source, lambda: log.clocks[-1].offset_s > 0.04, feeder)
    n_small = log.n + 1
    log.until(source, lambda: log.n >= n_small, feeder)
    assert not log.flags().any()  # less than a tenth of a second is no clock that was set
    ahead_s = 7.0
    n_before = log.n
    log.until(source, lambda: log.n > n_before, feeder)
    assert np.flatnonzero(log.flags()).tolist() == [n_before]
    assert log.flags()[n_before] == RENEWED
    assert source.clock_offset_s == pytest.approx(7.0, abs=0.1)
    last = log.chunks[-1]
    assert np.array_equal(last.stamps, last.raw_stamps + source.clock_offset_s)
    offsets = [measure.offset_s for measure in log.clocks]
    assert len(offsets) == len(set(offsets))  # only new ones are told
    assert all(0 < measure.uncertainty_s < 1.0 for measure in log.clocks)
    assert log.kinds() == []


def test_a_sender_without_source_id_is_an_event_and_then_an_error(stream_name, listen):
    feeder, name = Feeder(send(stream_name, source_id="")), f"{stream_name}-m"
    events = send_markers(name, source_id="")
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 3, feeder)
    del events
    log.until(source, lambda: bool(log.events), feeder)
    assert (log.events[0].kind, log.events[0].stream) == ("lost", name)
    assert f"marker stream '{name}' is gone, and without a source_id" in log.events[0].text
    n_before = log.n
    log.until(source, lambda: log.n > n_before, feeder)
    feeder.outlet = None
    log.until(source, lambda: len(log.events) == 2)
    assert (log.events[1].kind, log.events[1].stream) == ("lost", stream_name)
    with pytest.raises(StreamLost, match=rf"after {log.n} samples, stream .* restart the sender"):
        source.read(0.0)


def test_what_a_lost_sender_without_source_id_takes_with_it_is_counted(stream_name, listen):
    outlet = send(stream_name, source_id="")
    source, log = listen(stream_name), Log()
    outlet.push_chunk(np.zeros((30, 2), np.float32), pylsl.local_clock())
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 30:
        assert time.monotonic() < deadline_s
    del outlet
    while source.backlog < 31:  # liblsl has seen that it is gone
        assert time.monotonic() < deadline_s
    log.read(source)
    assert "is gone, with 30 samples that had come and were not read yet" in log.events[0].text


def test_a_sender_that_answers_but_can_t_be_joined_is_refused_once(
    stream_name, listen, monkeypatch
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name, resolve_timeout_s=2.0), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    original = Inlet.__init__
    tried = []

    def unreachable(self, info, *args, **kwargs):
        tried.append(info)
        if len(tried) < 3:
            raise RuntimeError("could not create stream inlet.")
        original(self, info, *args, **kwargs)

    monkeypatch.setattr(Inlet, "__init__", unreachable)
    feeder.outlet = None
    feeder.outlet = send(stream_name)
    log.until(source, lambda: "resumed" in log.kinds(), feeder)
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert "can't be joined yet: could not create stream inlet." in log.events[1].text


def test_nobody_looks_any_longer_for_a_closed_stream(stream_name, listen):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    log.until(source, lambda: log.kinds() == ["stalled"])

    def looking():
        return any(stream_name in thread.name for thread in threading.enumerate())

    assert looking()
    source.close()
    deadline_s = time.monotonic() + DEADLINE_S
    while looking():
        assert time.monotonic() < deadline_s


def test_how_long_a_signal_may_be_silent_is_a_setting_of_the_session():
    config = load(settings=("stream.stall_s=1.5",)).config
    assert lsl_source(config).settings.stall_s == 1.5
    assert lsl_source(load().config).settings.stall_s == 0.4


def test_run_lives_through_a_restart_of_the_amplifier(
    stream_name, program, saccade, decoder, tmp_path
):
    amplifier, log = program(stream_name), tmp_path / "log.jsonl"
    failed = []

    def in_the_log(text):
        deadline_s = time.monotonic() + DEADLINE_S
        pause = threading.Event()
        while not (log.exists() and text in log.read_text(encoding="utf-8")):
            if time.monotonic() > deadline_s:
                failed.append(text)
                return
            pause.wait(0.05)

    def restart():
        in_the_log('"type": "status"')  # a second of signal has come
        kill(amplifier)
        in_the_log('"event": "stalled"')
        program(stream_name)

    away = threading.Thread(target=restart)
    away.start()
    outcome = saccade(
        *("run", "--decoder", decoder, "--stream", stream_name, "--json", "--no-lsl"),
        *("--set", "stream.resolve_timeout_s=60", "--unit", "uV", "--log", log),
        *("--duration", 3, "--idle-timeout", 30),
    )
    away.join()
    assert (outcome.code, failed) == (0, []), outcome.err
    summary = json.loads(outcome.out.splitlines()[-1])
    assert summary["events"] == {"stalled": 1, "resumed": 1}
    assert summary["samples"]["received"] >= 750
