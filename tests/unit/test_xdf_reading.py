"""XDF files as recordings: which stream, which markers, in which order; torn and odd files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saccade.realtime.errors import AmbiguousStream, RecordingError, StreamNotFound
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.formats.xdf import read_xdf
from saccade.realtime.sources.recording import RecordingOptions, read_recording
from saccade.realtime.types import Flag
from saccade.realtime.xdf import chunks

N, RATE = 300, 100.0
STAMPS = 1000.0 + np.arange(N) / RATE
SIGNAL = np.random.default_rng(5).normal(0.0, 20.0, (N, 2)).astype(np.float32)
CHANNELS = (("Cz", "EEG", "microvolts"), ("Oz", "EEG", "microvolts"))


@pytest.fixture
def make(xdf_stream: type) -> Callable[..., Any]:
    """Return what makes an EEG stream, any part of it changed."""

    def stream(**changed: Any) -> Any:
        usual = {
            "name": "Cap",
            "type": "EEG",
            "values": SIGNAL,
            "stamps": STAMPS,
            "sfreq": RATE,
            "source_id": "cap1",
            "channels": CHANNELS,
        }
        return xdf_stream(**usual | changed)

    return stream


@pytest.fixture
def events(xdf_stream: type) -> Callable[..., Any]:
    def stream(*values: str, name: str = "Stimuli", kind: str = "Markers", **more: Any) -> Any:
        stamps = more.pop("stamps", 1000.5 + np.arange(len(values)) * 0.5)
        return xdf_stream(name, kind, [[value] for value in values], stamps, **more)

    return stream


def test_a_stream_becomes_what_lsl_would_make_of_it(write_xdf, make, events) -> None:
    recording = read_recording(write_xdf(make(), events("go", "stop")))
    assert recording.spec.name == "Cap"
    assert recording.spec.sfreq == RATE
    assert recording.spec.ch_names == ("Cz", "Oz")
    assert recording.spec.ch_types == ("eeg", "eeg")
    assert recording.spec.units == ("microvolts", "microvolts")
    assert recording.spec.source_id == "cap1"
    assert not recording.spec.simulated
    assert np.array_equal(recording.data, SIGNAL)
    assert np.array_equal(recording.stamps, STAMPS)
    assert [(m.value, m.stamp, m.stream) for m in recording.markers] == [
        ("go", 1000.5, "Stimuli"),
        ("stop", 1001.0, "Stimuli"),
    ]
    assert recording.marker_rows == (50, 100)


def test_raw_and_corrected_stamps_are_both_kept(write_xdf, make, events) -> None:
    """The stamps of each stream go to the recorder's clock by its own offsets."""
    path = write_xdf(
        make(offsets=[(1000.0, 0.25), (1003.0, 0.25)]),
        events("go", offsets=[(1000.0, -0.5), (1003.0, -0.5)]),
    )
    recording = read_recording(path)
    assert np.array_equal(recording.raw_stamps, STAMPS)
    assert np.array_equal(recording.stamps, STAMPS + 0.25)
    assert recording.markers[0].stamp == 1000.0
    assert recording.marker_rows == (0,)
    assert recording.notes == ()
    unknown = read_recording(write_xdf(make(offsets=[(1000.0, 0.25)]), events("go")))
    assert unknown.markers[0].stamp == 1000.5
    assert unknown.notes == ("'Stimuli' has no clock offsets: its stamps are taken as they are",)


def test_a_clock_reset_is_flagged_and_both_sides_are_on_one_clock(write_xdf, make, events) -> None:
    sender = STAMPS + 5e5 * (STAMPS < 1001.5)
    at = np.array([1000.0, 1001.0, 1002.0, 1002.9])
    theirs = at + 5e5 * (at < 1001.5)
    offsets = list(zip(theirs, at - theirs, strict=True))
    marks = events("a", "b", stamps=np.array([501001.0, 1002.0]), offsets=offsets)
    recording = read_recording(write_xdf(make(stamps=sender, offsets=offsets), marks))
    assert np.abs(recording.stamps - STAMPS).max() < 1e-9
    assert np.flatnonzero(recording.flags).tolist() == [150]
    assert recording.flags[150] == Flag.GAP | Flag.CLOCK
    assert recording.marker_rows == (100, 200)
    assert any("clock was set before sample 150" in note for note in recording.notes)


def test_a_clock_that_nothing_in_the_file_puts_right_keeps_its_events(
    write_xdf, make, events
) -> None:
    """Without offsets the stamps go on as they are, and each event stays in its half."""
    stamps = np.where(np.arange(N) < 150, STAMPS, STAMPS - 1001.0)
    marks = events("a", "b", stamps=np.array([1001.0, 1.0]))
    recording = read_recording(write_xdf(make(stamps=stamps), marks))
    assert np.array_equal(recording.stamps, stamps)
    assert recording.marker_rows == (100, 200)


def test_the_stream_is_chosen_by_name_type_and_source(write_xdf, make) -> None:
    path = write_xdf(
        make(name="Muse", type="ACC", channels=[(x, "accelerometer", "g") for x in "XY"]),
        make(name="Muse", source_id="left"),
        make(name="Muse", source_id="right", values=-SIGNAL),
        make(name="Muse", type="PPG", values=SIGNAL[:0], stamps=STAMPS[:0], channels=None),
    )
    for options in (
        RecordingOptions(),
        RecordingOptions(stream_type="EEG"),
        RecordingOptions(stream="Muse", stream_type="EEG"),
    ):
        with pytest.raises(AmbiguousStream, match=r"2 fit: 'Muse' .*'left'.*'right'.*say which"):
            read_recording(path, options)
    for source_id, sign in (("left", 1), ("right", -1)):
        found = read_recording(path, RecordingOptions(stream_type="EEG", source_id=source_id))
        assert np.array_equal(found.data, sign * SIGNAL)
    with pytest.raises(StreamNotFound, match=r"has name 'Cap'; there is 'Muse' \(ACC"):
        read_recording(path, RecordingOptions(stream="Cap"))
    with pytest.raises(RecordingError, match=r"no samples in 'Muse' \(PPG"):
        read_recording(path, RecordingOptions(stream_type="PPG"))
    # What is no EEG is taken if it is asked for.
    assert read_recording(path, RecordingOptions(stream_type="ACC")).spec.units == ("g", "g")


def test_a_file_without_eeg_is_refused_with_what_is_there(write_xdf, make, events) -> None:
    with pytest.raises(RecordingError, match=r"no stream of EEG, but 'Cap' \(ACC.*--stream NAME"):
        read_recording(write_xdf(make(type="ACC", channels=None), events("go")))
    with pytest.raises(RecordingError, match=r"no stream of EEG, but no stream of samples at all$"):
        read_recording(write_xdf(events("go")))
    with pytest.raises(RecordingError, match=r"no samples in 'Cap' \(EEG.*record it again"):
        read_recording(write_xdf(make(values=SIGNAL[:0], stamps=STAMPS[:0])))
    with pytest.raises(RecordingError, match="at least 2 samples of 1 channel, not 1 of 2"):
        read_recording(write_xdf(make(values=SIGNAL[:1], stamps=STAMPS[:1])))


def test_a_channel_may_be_the_eeg_of_a_stream_of_another_type(write_xdf, make) -> None:
    channels = (("Cz", "EEG", "uV"), ("Pupil", "Gaze", "mm"))
    spec = read_recording(write_xdf(make(type="Mixed", channels=channels))).spec
    assert spec.ch_types == ("eeg", "gaze")


def test_what_is_in_ohms_is_an_impedance_as_it_is_live(write_xdf, make) -> None:
    channels = (("Cz", "", "uV"), ("Cz imp", "", "kOhm"))
    spec = read_recording(write_xdf(make(channels=channels))).spec
    assert (spec.ch_types, spec.units[1]) == (("eeg", "impedance"), "kOhm")


def test_channels_that_are_not_told_apart_need_names(write_xdf, make) -> None:
    alike = write_xdf(make(channels=(CHANNELS[0], CHANNELS[0])))
    with pytest.raises(RecordingError, match=r"Cz more than once: name them.*--ch-names"):
        read_recording(alike)
    assert read_recording(alike, RecordingOptions(ch_names=("A", "B"))).spec.ch_names == ("A", "B")
    few = write_xdf(make(channels=CHANNELS[:1]))
    with pytest.raises(RecordingError, match="another number of channels than the 2"):
        read_recording(few)
    assert read_recording(few, RecordingOptions(ch_names=("A", "B"))).spec.units == ("", "")
    none = read_recording(write_xdf(make(channels=None)))
    assert (none.spec.ch_names, none.spec.ch_types) == (("1", "2"), ("eeg", "eeg"))


def test_a_stated_rate_holds_whatever_is_delivered_unless_another_is_said(write_xdf, make) -> None:
    slow = write_xdf(make(sfreq=110.0))
    assert read_recording(slow).spec.sfreq == 110.0
    assert read_recording(slow, RecordingOptions(sfreq=100.0)).spec.sfreq == 100.0
    with pytest.raises(RecordingError, match=r"said to have 90 Hz.* 100\.000"):
        read_recording(slow, RecordingOptions(sfreq=90.0))
    unstated = write_xdf(make(sfreq=0.0))
    assert read_recording(unstated).spec.sfreq == 100.0  # as the stamps have it


def test_integers_and_doubles_become_float32(write_xdf, make) -> None:
    for values in (SIGNAL.astype(np.int16), SIGNAL.astype(np.float64) / 3):
        data = read_recording(write_xdf(make(values=values))).data
        assert np.array_equal(data, values.astype(np.float32))


def test_marker_streams_are_those_whose_type_says_so(write_xdf, make, events) -> None:
    path = write_xdf(
        make(),
        events("a", "b", name="Stimuli"),
        events("ping", "ping", name="Control", kind="BCI"),
        events("c", name="Keys", kind="LSL_Marker_Strings", stamps=[1000.7]),
    )
    taken = read_recording(path).markers
    assert [(m.value, m.stream) for m in taken] == [
        ("a", "Stimuli"),
        ("c", "Keys"),
        ("b", "Stimuli"),
    ]
    asked = read_recording(path, RecordingOptions(markers=("Control",))).markers
    assert [m.value for m in asked] == ["ping", "ping"]
    both = read_recording(path, RecordingOptions(markers=("Keys", "Control"))).markers
    assert [m.value for m in both] == ["ping", "c", "ping"]
    with pytest.raises(StreamNotFound, match=r"no markers called 'Cues'; there is 'Stimuli' \("):
        read_recording(path, RecordingOptions(markers=("Cues",)))


def test_events_of_every_kind_become_the_text_a_live_session_gets(
    write_xdf, make, xdf_stream
) -> None:
    stamps = [1000.5, 1001.0, 1001.5]
    path = write_xdf(
        make(),
        xdf_stream("Text", "Markers", [["a ", "1"], [" ", ""], ["b", ""]], stamps),
        xdf_stream("Codes", "Markers", np.array([[1.0], [2.5], [3.0]], np.float32), stamps),
        xdf_stream("Whole", "Markers", np.array([[7], [8], [9]], np.int64), stamps),
    )
    recording = read_recording(path)
    assert [m.value for m in recording.markers if m.stream == "Text"] == ["a,1", "b"]
    assert [m.value for m in recording.markers if m.stream == "Codes"] == ["1", "2.5", "3"]
    assert [m.value for m in recording.markers if m.stream == "Whole"] == ["7", "8", "9"]


def test_markers_outside_the_signal_are_handed_out_all_the_same(write_xdf, make, events) -> None:
    path = write_xdf(make(), events("early", "late", stamps=[990.0, 1020.0]))
    source = FileSource(FileSourceSettings(path, chunk_samples=70))
    source.open()
    readings = list(iter(lambda: source.read(0.0), None))
    assert [[m.value for m in r.markers] for r in readings] == [["early"], [], [], [], ["late"]]
    assert sum(len(r.chunk) for r in readings) == N


def test_a_simulated_stream_stays_simulated(write_xdf, make) -> None:
    spec = read_recording(write_xdf(make(own=[("simulated", "true"), ("speed", "4.0")]))).spec
    assert (spec.simulated, spec.speed) == (True, 4.0)
    varies = read_recording(write_xdf(make(own=[("speed", "varies")]))).spec
    assert np.isnan(varies.speed)


def test_a_torn_file_is_read_up_to_its_last_whole_chunk(write_xdf, make, tmp_path) -> None:
    """Wherever the recorder was killed; samples are in chunks of 64."""
    content = write_xdf(make()).read_bytes()
    seen = set()
    for n_bytes in np.random.default_rng(1).integers(700, len(content), 25).tolist():
        path = tmp_path / "torn.xdf"
        path.write_bytes(content[:n_bytes])
        data = read_xdf(path).samples[0].data
        assert len(data) in (0, 64, 128, 192, 256, N)
        assert np.array_equal(data, SIGNAL[: len(data)])
        seen.add(len(data))
    assert len(seen) > 3
    path.write_bytes(content[:-3])
    (note,) = (n for n in read_recording(path).notes if "cut short" in n)
    assert "no whole chunk" in note


def test_half_a_sample_is_no_sample(write_xdf, make) -> None:
    """Its missing bytes would be those of the one before, as pyxdf fills them in."""
    import pyxdf

    path = write_xdf(make())
    content = path.read_bytes()
    whole = content[: content.rindex(SIGNAL[-1].tobytes()) + 8]  # no boundary, no footer
    path.write_bytes(whole[:-2])
    (theirs,), _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    assert not np.array_equal(theirs["time_series"][-1], SIGNAL[-1])
    ours = read_xdf(path).samples[0].data
    assert len(ours) == N - N % 64
    assert np.array_equal(ours, SIGNAL[: len(ours)])


def test_damage_in_the_middle_costs_what_is_damaged_and_is_told(write_xdf, make, events) -> None:
    marks = events(*["go"] * 40)
    path = write_xdf(marks, make())  # a boundary follows each stream
    content = bytearray(path.read_bytes())
    place = content.index(chunks.BOUNDARY_UUID) - 100
    content[place : place + 30] = b"\xff" * 30
    path.write_bytes(bytes(content))
    recording = read_recording(path)
    assert np.array_equal(recording.data, SIGNAL)
    assert any("pyxdf" in note or "damaged" in note for note in recording.notes)


def test_what_is_no_xdf_is_refused(tmp_path) -> None:
    path = tmp_path / "no.xdf"
    for content, message in (
        (b"", "should begin with 'XDF:'"),
        (gzip.compress(b"XDF:"), "is it XDF"),
        (b"XDF:\x01\x09\x02\x00\x01\x00\x00\x00<in", "can't be read as XDF"),
    ):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=message) as caught:
            read_recording(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"XDF:")
    with pytest.raises(RecordingError, match="no stream of EEG"):
        read_recording(path)


def test_no_input_reaches_the_log_of_others(write_xdf, make, caplog) -> None:
    """What pyxdf complains about is a note of the recording, told once."""
    path = write_xdf(make())
    with caplog.at_level("INFO"):
        read_xdf(path)
    assert not caplog.records
    assert re.search("clock offsets", " ".join(read_xdf(path).samples[0].notes))
