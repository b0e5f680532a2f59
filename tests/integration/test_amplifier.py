"""The amplifier that looks at the screen, over LSL: what a marker names is in the samples."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pylsl
import pytest

from saccade.realtime.amplifier.amplifier import Amplifier, AmplifierSettings
from saccade.realtime.amplifier.listener import Followed, parse_followed
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock
from saccade.realtime.simulation.onlooker import Onlooker
from saccade.realtime.simulation.photodiode import PhotodiodeSettings
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings

NAMES = tuple(f"concept {i}" for i in range(12))
VECTORS = np.random.default_rng(3).standard_normal((12, 8)).astype(np.float32)
SUBJECT = SimulatedSubject(SubjectSettings(n_components=4), VECTORS, NAMES)
SFREQ = 250.0


def marker_stream(name):
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0, "string", f"{name}-id"))


@pytest.mark.lsl
@pytest.mark.parametrize("speed", [1.0, 8.0])
def test_the_stream_is_the_onlooker_s_signal_for_the_markers_that_were_sent(stream_name, speed):
    clock = SessionClock(speed, pylsl.local_clock())
    names = [f"{stream_name}-{side}" for side in ("left", "right")]
    follow = (Followed(names[0]), Followed(names[1], 0.25))
    settings = AmplifierSettings(
        stream_name,
        follow,
        delay_s=0.5,
        visit=2,
        dead=("O1", "Oz"),
        photodiode=PhotodiodeSettings(),
    )
    outlets = [marker_stream(name) for name in names]
    source = LSLSource(LSLSourceSettings(StreamQuery(name=stream_name), resolve_timeout_s=60.0))
    stop, both = threading.Event(), threading.Barrier(2)
    joined = set()

    def note(name):
        joined.add(name)
        if len(joined) == 2:
            both.wait(60.0)

    amplifier = Amplifier(SUBJECT, settings, clock)
    with ThreadPoolExecutor(1) as pool:
        try:
            running = pool.submit(amplifier.run, stop.is_set, joined=note)
            spec = source.open()
            both.wait(60.0)
            chunks = [source.read(60.0).chunk]
            told = []
            for n in range(12):
                value, side = f"concept {n % 5}", n % 2
                # On a sample's time: midway, the smallest error of the clock would tell.
                late = math.ceil((clock.now() - chunks[0].raw_stamps[0]) * SFREQ)
                stamp = chunks[0].raw_stamps[0] + late / SFREQ
                told.append((value, stamp, follow[side].gain))
                outlets[side].push_sample([value], told[-1][1])
            outlets[0].push_sample(["sponge"], clock.now())
            end_s = told[-1][1] + 1.5
            while len(chunks[-1]) == 0 or chunks[-1].raw_stamps[-1] < end_s:
                chunks.append(source.read(0.5).chunk)
        finally:
            stop.set()
        report = running.result(60.0)
    source.close()
    assert (report.markers, report.seen, report.late) == (13, 12, 0)
    assert report.unknown == {"sponge": 1}
    assert (spec.ch_names[-1], spec.ch_types[-1], spec.units[-1]) == ("Photodiode", "misc", "mV")
    assert (spec.speed, spec.simulated, spec.sfreq) == (speed, True, SFREQ)

    data = np.concatenate([chunk.data for chunk in chunks])
    stamps = np.concatenate([chunk.raw_stamps for chunk in chunks if len(chunk)])
    np.testing.assert_allclose(np.diff(stamps), 1 / SFREQ, atol=1e-6)
    expected = Onlooker(SUBJECT, report.start_s, settings.visit)
    for one in told:
        expected.see(*one)
    expected.take(round((stamps[0] - report.start_s) * SFREQ))  # sent before we joined
    wanted = expected.take(len(data))
    dead = [SUBJECT.ch_names.index(name) for name in settings.dead]
    assert not data[:, dead].any()
    wanted[:, dead] = 0.0
    np.testing.assert_array_equal(data[:, :64], wanted)
    lit = stamps[data[:, 64] > 50.0]
    assert len(lit) >= 0.1 * SFREQ
    assert lit[0] == pytest.approx(told[0][1], abs=1.5 / SFREQ)


@pytest.mark.lsl
def test_the_command_waits_for_a_stimulus_program_and_tells_what_came_too_late(stream_name):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "saccade.cli.main", "simulate", "--name", stream_name),
            *("--follow", f"{stream_name}-m", "--with-parent", "--json"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert f"follows '{stream_name}-m'" in process.stderr.readline()
            for _ in range(2):  # it may end, and come back
                outlet = marker_stream(f"{stream_name}-m")
                assert f"sees '{stream_name}-m'" in process.stderr.readline()
                outlet.push_sample(["dog"], pylsl.local_clock())
                outlet.push_sample(["cat"], pylsl.local_clock() - 30.0)
                _until_taken(outlet)
                del outlet
            out, err = process.communicate("", timeout=60.0)
        finally:
            process.kill()
    told = json.loads(out.splitlines()[-1])
    assert process.returncode == 1
    assert "2 of 6 pictures left no response" in err
    assert "raise --delay-ms, or lower --speed" in err
    assert (told["markers"], told["pictures"]) == ({"received": 6, "late": 2}, 4)


def _until_taken(outlet):
    """Wait until a receiver of our own has what was sent before: the other one has it as well."""
    inlet = pylsl.StreamInlet(pylsl.resolve_byprop("name", outlet.get_info().name(), 1, 30.0)[0])
    inlet.open_stream(30.0)
    outlet.push_sample(["house"], pylsl.local_clock() + 30.0)
    assert inlet.pull_sample(30.0)[0] is not None
    inlet.close_stream()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--follow", "m:11"), "a gain of 0 to 10, not 'm' and 11"),
        (("--follow", "m", "--follow", "m:0.5"), "each once, not m, m"),
        (("--follow", "m", "--soa", "0.5"), "--soa would change nothing here: --follow leaves"),
        (("--dead", "O1"), "--dead would change nothing here: nothing is followed"),
        (("--follow", "m", "--dead", "O1,O77"), "no channel is called O77; there are Fp1"),
        (("--follow", "m", "--photodiode", "soon"), "DELAY_MS:JITTER_MS, as in 20:3, not 'soon'"),
        (("--follow", "m", "--photodiode", "-3"), "delay_ms must be at least 0 ms, not -3"),
    ],
)
def test_what_can_t_be_followed_is_refused(saccade, flags, message):
    outcome = saccade("simulate", *flags)
    assert outcome.code == 1
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_stream_s_name_may_have_a_colon():
    assert parse_followed("left:0.5") == Followed("left", 0.5)
    assert parse_followed("lab:left") == Followed("lab:left")
    assert parse_followed("lab:left:0") == Followed("lab:left", 0.0)
    for wrong in ("", ":0.5", "m:nan"):
        with pytest.raises(ConfigError, match="write NAME or NAME:GAIN"):
            parse_followed(wrong)
