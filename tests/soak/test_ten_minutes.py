"""Ten minutes of 64 channels at 1 kHz from another process: every sample once, every epoch.

The same for ten seconds runs with every test run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Epoch

SFREQ, N_CHANNELS, BLOCK, EVERY = 1000, 64, 10, 200

# A sender that shares no code with saccade. The last channel counts the samples; float32 counts
# to 16.7 million.
SENDER = f"""
import sys, time
import numpy as np
import pylsl

name, seconds = sys.argv[1], int(sys.argv[2])
info = pylsl.StreamInfo(name, "EEG", {N_CHANNELS} + 1, {SFREQ}, pylsl.cf_float32, name)
info.set_channel_types(["EEG"] * {N_CHANNELS} + ["misc"])
info.set_channel_units(["uV"] * {N_CHANNELS} + ["count"])
signal = pylsl.StreamOutlet(info)
events = pylsl.StreamOutlet(
    pylsl.StreamInfo(name + "-m", "Markers", 1, 0, pylsl.cf_string, name + "-m")
)
if not (signal.wait_for_consumers(60) and events.wait_for_consumers(60)):
    sys.exit("nobody listens")
channels = np.arange({N_CHANNELS})
begin_s = pylsl.local_clock()
for start in range(0, seconds * {SFREQ}, {BLOCK}):
    count = np.arange(start, start + {BLOCK})
    data = np.column_stack([(7 * count[:, None] + channels) % 97, count])
    stamps = begin_s + count / {SFREQ}
    left_s = stamps[-1] - pylsl.local_clock()
    if left_s > 0:
        time.sleep(left_s)
    signal.push_chunk(data.astype(np.float32), stamps)
    if start % {EVERY} == 0:
        events.push_sample([str(start // {EVERY})], stamps[0])
sys.stdin.read()  # the receiver says when it has all
"""


@contextmanager
def sending(name: str, seconds: int) -> Iterator[None]:
    """Run the sender while the receiver is at work."""
    command = [sys.executable, "-c", SENDER, name, str(seconds)]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
        sender.communicate(timeout=30)
        assert sender.returncode == 0
    finally:
        sender.kill()
        sender.wait()


@pytest.mark.lsl
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(10, id="ten-seconds"),
        pytest.param(600, id="ten-minutes", marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_every_sample_and_marker_arrives_once(stream_name: str, seconds: int) -> None:
    source = LSLSource(
        LSLSourceSettings(
            StreamQuery(name=stream_name),
            (StreamQuery(name=f"{stream_name}-m"),),
            resolve_timeout_s=30.0,
        )
    )
    n_samples = seconds * SFREQ
    received, last_s, silent = 0, -np.inf, 0
    markers: list[str] = []
    onsets: list[float] = []
    epochs: list[Epoch] = []
    epocher = Epocher(EpochSettings(tmin_s=-0.2, tmax_s=0.8, baseline_s=None))
    stamp_of: dict[int, float] = {}  # of the samples that markers belong to
    with sending(stream_name, seconds):
        epocher.reset(source.open())
        while (received < n_samples or len(markers) < n_samples // EVERY) and silent < 20:
            reading = source.read(1.0)
            chunk = reading.chunk
            silent = 0 if len(chunk) else silent + 1
            assert chunk.index == received
            count = np.arange(received, received + len(chunk))
            assert np.array_equal(chunk.data[:, -1], count)
            expected = (7 * count[:, None] + np.arange(N_CHANNELS)) % 97
            assert np.array_equal(chunk.data[:, :-1], expected)
            stamps = np.concatenate([[last_s], chunk.stamps])
            assert (np.diff(stamps) > 0).all()
            last_s = stamps[-1]
            stamp_of |= {i: s for i, s in zip(count, chunk.stamps, strict=True) if i % EVERY == 0}
            received += len(chunk)
            markers += [marker.value for marker in reading.markers]
            onsets += [marker.stamp for marker in reading.markers]
            epochs += epocher.step(chunk, reading.markers)
    source.close()
    assert received == n_samples
    assert markers == [str(i) for i in range(n_samples // EVERY)]
    # Two streams of one sender, two measurements of one clock: on one computer they agree.
    assert np.abs(np.array(onsets) - list(stamp_of.values())).max() < 1e-3
    # Each marker found its epoch: the counting channel says which sample the window is around.
    assert [epoch.label for epoch in epochs + epocher.finish()] == markers
    whole = [epoch for epoch in epochs if not epoch.rejected]
    assert len(whole) == len(markers) - 4  # the first begins, the last three end, out of the run
    for epoch in whole:
        onset = int(str(epoch.label)) * EVERY
        assert np.array_equal(epoch.data[-1], np.arange(onset - 200, onset + 800))
