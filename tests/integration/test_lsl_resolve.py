"""Streams are found by what is asked for, and never by chance."""

from __future__ import annotations

import dataclasses

import pylsl
import pytest

from saccade.realtime.errors import AmbiguousStream, ConfigError, StreamNotFound
from saccade.realtime.sources.lsl import resolve as lsl_resolve
from saccade.realtime.sources.lsl.resolve import StreamQuery, resolve, visible

pytestmark = pytest.mark.lsl


def send(
    name: str, kind: str = "EEG", source_id: str = "", sfreq: float = 100.0, fmt: str = "float32"
) -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, kind, 3, sfreq, fmt, source_id))


@pytest.mark.parametrize(
    "query",
    [
        lambda n: StreamQuery(name=n),
        lambda n: StreamQuery(type=f"type-{n}"),
        lambda n: StreamQuery(source_id=f"id-{n}"),
        lambda n: StreamQuery(predicate=f"starts-with(name, '{n[:-1]}') and channel_count = 3"),
        lambda n: StreamQuery(n, f"type-{n}", f"id-{n}", "nominal_srate > 99"),
    ],
    ids=["name", "type", "source_id", "predicate", "all"],
)
def test_a_stream_is_found_by_each_property(stream_name, query):
    outlet = send(stream_name, f"type-{stream_name}", f"id-{stream_name}")
    # It answers both searches, the first and the one for a second stream, and counts once.
    assert resolve(query(stream_name), 5.0).uid() == outlet.get_info().uid()


@pytest.mark.parametrize("extra", ["it's", 'a "b"', "it's \"both\" '", "Ümläut µ"])
def test_names_with_quotes_are_found(stream_name, extra):
    outlet = send(f"{stream_name} {extra}")
    found = resolve(StreamQuery(name=f"{stream_name} {extra}"), 5.0)
    assert found.uid() == outlet.get_info().uid()


def test_of_two_streams_none_is_taken(stream_name):
    first, second = send(stream_name, source_id="a"), send(stream_name, source_id="b")
    with pytest.raises(AmbiguousStream, match="but 2 answer") as caught:
        resolve(StreamQuery(name=stream_name), 5.0)
    text = str(caught.value)
    assert "\n" not in text
    for source_id in "ab":
        expected = f"'{stream_name}' (EEG, 3 ch, 100 Hz, float32, source_id '{source_id}', on "
        assert expected in text
    assert pylsl.resolve_byprop("name", stream_name, 1, 5.0)[0].hostname() in text
    found = resolve(StreamQuery(name=stream_name, source_id="b"), 5.0)
    assert found.uid() == second.get_info().uid() != first.get_info().uid()


def test_a_stream_that_is_not_there_is_reported_with_those_that_are(stream_name):
    other = send(stream_name, "ECG", sfreq=512.0)
    with pytest.raises(StreamNotFound) as caught:
        resolve(StreamQuery(name=f"no-{stream_name}"), 0.3)
    text = str(caught.value)
    assert f"expected one EEG stream with name='no-{stream_name}', but none answered" in text
    assert "within 0.3 s; visible are " in text
    assert "\n" not in text
    assert other.get_info().name() in [stream.name for stream in visible(0.75)]


def test_an_empty_network_is_reported_as_such(stream_name, monkeypatch):
    monkeypatch.setattr(lsl_resolve, "visible", lambda _: [])
    with pytest.raises(StreamNotFound, match="no stream is visible at all"):
        resolve(StreamQuery(name=stream_name), 0.1)


def test_long_lists_are_cut(stream_name, monkeypatch):
    outlet = send(stream_name, source_id="me")
    (me,) = [stream for stream in visible(0.75) if stream.name == stream_name]
    del outlet
    many = [dataclasses.replace(me, name=f"other{i}") for i in range(20)]
    monkeypatch.setattr(lsl_resolve, "visible", lambda _: many)
    with pytest.raises(StreamNotFound, match=r"'other7' .* and 12 more: is the sender"):
        resolve(StreamQuery(name=f"no-{stream_name}"), 0.1)


@pytest.mark.parametrize(
    ("fmt", "sfreq", "regular", "message"),
    [
        ("string", 0.0, True, r"numbers at a fixed rate as EEG stream .* irregular, string"),
        ("string", 100.0, True, r"numbers at a fixed rate as EEG stream .* 100 Hz, string"),
        ("float32", 0.0, True, r"numbers at a fixed rate as EEG stream .* irregular, float32"),
        ("float32", 100.0, False, r"a stream without a rate as marker stream .* 100 Hz, float32"),
    ],
)
def test_a_stream_of_the_wrong_kind_is_refused(stream_name, fmt, sfreq, regular, message):
    outlet = send(stream_name, sfreq=sfreq, fmt=fmt)
    what = "EEG stream" if regular else "marker stream"
    with pytest.raises(StreamNotFound, match=message):
        resolve(StreamQuery(name=stream_name), 0.8, what, regular=regular)
    del outlet


def test_signal_and_markers_of_one_name_are_told_apart(stream_name):
    signal = send(stream_name, "EEG")
    markers = send(stream_name, "Markers", sfreq=0.0, fmt="string")
    query = StreamQuery(name=stream_name)
    assert resolve(query, 5.0).uid() == signal.get_info().uid()
    found = resolve(query, 5.0, "marker stream", regular=False)
    assert found.uid() == markers.get_info().uid()


def test_a_predicate_can_t_undo_the_rest_of_the_request(stream_name):
    outlet = send(stream_name)
    query = StreamQuery(name=f"no-{stream_name}", predicate="channel_count = 3 or 1 = 1")
    with pytest.raises(StreamNotFound):
        resolve(query, 0.8)
    assert resolve(dataclasses.replace(query, name=stream_name), 5.0).uid()
    del outlet


def test_a_predicate_that_is_no_xpath_is_refused():
    with pytest.raises(ConfigError, match=r"XPath 1.0 condition, but 'name=\(' is none"):
        resolve(StreamQuery(predicate="name=("), 5.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "none is given"),
        ({"name": ""}, "none is given"),
        ({"name": "a\nb"}, "line break"),
        ({"predicate": "1=1\r"}, "line break"),
    ],
)
def test_a_request_that_says_nothing_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        StreamQuery(**fields)


def test_visible_streams_say_what_they_are(stream_name):
    outlet = send(stream_name, "ECG", "here", 512.0, "int16")
    (found,) = [stream for stream in visible(0.75) if stream.name == stream_name]
    assert (found.type, found.source_id, found.n_channels) == ("ECG", "here", 3)
    assert (found.sfreq, found.channel_format) == (512.0, "int16")
    assert found.host == outlet.get_info().hostname()
    names = [stream.name for stream in visible(0.75)]
    assert names == sorted(names)
