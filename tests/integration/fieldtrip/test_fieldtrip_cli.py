"""``saccade run --fieldtrip``: a buffer instead of an LSL stream; what is wrong, in one line."""

from __future__ import annotations

import json
import threading
import time

import numpy as np

from saccade.cli.configuration import load
from saccade.cli.wiring import live_source

SFREQ, CHANNELS = 250.0, ("C3", "C4", "O1", "O2")
SECONDS, EVENTS = 4.0, {600: ("trigger", "1"), 700: ("trigger", "2"), 710: ("pedal", "9")}


def play(server):
    """Write the recording as an amplifier would, 20 ms at a time, from the first listener on."""
    signal = np.random.default_rng(0).normal(0.0, 8.0, (int(SECONDS * SFREQ), 4))
    while 0x402 not in server.requests:
        time.sleep(0.01)
    begun_s = time.monotonic()
    for start in range(0, len(signal), 5):
        time.sleep(max(0.0, begun_s + start / SFREQ - time.monotonic()))
        server.put_data(signal[start : start + 5])
        for sample in range(start, start + 5):
            if sample in EVENTS:
                server.put_event(sample, *EVENTS[sample])


def test_run_decodes_a_fieldtrip_buffer(saccade, decoder, fieldtrip_buffer):
    server = fieldtrip_buffer()
    server.put_header(SFREQ, CHANNELS)
    sender = threading.Thread(target=play, args=(server,), daemon=True)
    sender.start()
    done = saccade(
        *("run", "--decoder", decoder, "--fieldtrip", f"127.0.0.1:{server.port}", "--unit", "uV"),
        *("--markers", "trigger", "--no-lsl", "--json", "--duration", SECONDS, "--idle-timeout", 5),
    )
    sender.join()
    assert done.code == 0, done.err
    summary = json.loads(done.out.splitlines()[-1])
    assert summary["samples"]["received"] == SECONDS * SFREQ
    assert summary["samples"]["lost"] == 0
    assert summary["markers"]["received"] == 2
    assert summary["predictions"] + summary["epochs"]["rejected"] == 2


def test_what_is_wrong_is_said_in_one_line(saccade, decoder, fieldtrip_buffer):
    server = fieldtrip_buffer()
    server.put_header(500.0, CHANNELS)
    address = f"127.0.0.1:{server.port}"
    run = ("run", "--decoder", decoder, "--no-lsl", "--unit", "uV")
    for arguments, message in (
        (("--fieldtrip", "nowhere:"), "expected a FieldTrip buffer as HOST:PORT"),
        (("--fieldtrip", address, "--stream", "Muse"), "an LSL stream or a FieldTrip buffer"),
        (("--fieldtrip", address), "rate 250 Hz expected, 500 Hz came"),
        (
            ("--fieldtrip", "127.0.0.1:9", "--set", "stream.resolve_timeout_s=0.2"),
            "expected a FieldTrip buffer at 127.0.0.1:9, but within 0.2 s",
        ),
        (("--set", "stream.trigger=STI101"), "none is asked for with --fieldtrip"),
        (("--fieldtrip", address, "--set", "stream.event_text=name"), "stream.event_text = 'name'"),
    ):
        done = saccade(*run, *arguments)
        assert done.code != 0
        assert message in done.err, done.err
        assert "Traceback" not in done.err


def test_every_setting_of_the_stream_reaches_the_source():
    given = ("stall_s=1.5", "resolve_timeout_s=7.0", "trigger=STI101", "event_text=both", "unit=uV")
    config = load(
        settings=("stream.fieldtrip=sinuhe:1234", *(f"stream.{setting}" for setting in given))
    ).config
    settings = live_source(config).settings
    assert (settings.host, settings.port, settings.unit) == ("sinuhe", 1234, "uV")
    assert (settings.stall_s, settings.connect_timeout_s) == (1.5, 7.0)
    assert (settings.trigger, settings.event_text) == ("STI101", "both")
