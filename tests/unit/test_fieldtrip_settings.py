"""Which FieldTrip buffer: addresses, and what is out of range."""

from __future__ import annotations

import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.sources.fieldtrip.settings import FieldTripSourceSettings, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sinuhe", ("sinuhe", 1972)),
        ("localhost:1234", ("localhost", 1234)),
        ("fieldtrip://10.0.0.1:99/", ("10.0.0.1", 99)),
    ],
)
def test_an_address_is_host_and_port(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", ":1972", "host:", "host:x", "host:-1", "fieldtrip://"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="expected a FieldTrip buffer as HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"port": 0}, "port must be within 1 to 65535, not 0"),
        ({"event_text": "name"}, "event_text must be value, type or both, not 'name'"),
        ({"stall_s": 0.0}, "stall_s must be above 0 s, not 0.0"),
        ({"connect_timeout_s": float("nan")}, "connect_timeout_s must be above 0 s, not nan"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        FieldTripSourceSettings(**setting)
