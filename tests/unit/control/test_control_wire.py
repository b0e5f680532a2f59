"""Lines and proofs: one JSON object each, and who does not know the token can prove nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.control import wire
from saccade.realtime.errors import ControlError

TOKEN, NONCES = "a" * 64, ("b" * 64, "c" * 64)


VALUES = st.none() | st.booleans() | st.integers() | st.text()
VALUES |= st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.text())


@given(st.dictionaries(st.text(), VALUES))
def test_a_message_comes_back_as_it_was_sent(message: dict[str, Any]) -> None:
    line = wire.encode(message)
    assert line.index(b"\n") == len(line) - 1
    assert wire.decode(line) == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b"[1]",
        b"1",
        b'"do"',
        b'{"do": NaN}',
        b'{"do": "pause"} {"do": "stop"}',
        b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",  # a pickle
        b"GET / HTTP/1.1\r\n",
        b"[" * 60000,
        b'{"do":' * 10000,
        b"1" * 60000,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_json_object_is_refused_in_one_short_line(line: bytes) -> None:
    with pytest.raises(ControlError, match="a line must be one JSON object") as refusal:
        wire.decode(line)
    assert len(str(refusal.value)) < 120
    assert "\n" not in str(refusal.value)


def test_a_proof_is_of_one_side_in_one_conversation() -> None:
    said = wire.proof(TOKEN, "client", *NONCES)
    assert wire.proves(said, TOKEN, "client", *NONCES)
    assert not wire.proves(said, TOKEN, "server", *NONCES)
    assert not wire.proves(said, TOKEN, "client", *reversed(NONCES))
    assert not wire.proves(said, "b" * 64, "client", *NONCES)
    assert TOKEN not in said


@pytest.mark.parametrize("said", [None, 1, "", [], {}, "ü", "\ud800", "0" * 64])
def test_what_is_no_proof_proves_nothing(said: object) -> None:
    assert not wire.proves(said, TOKEN, "client", *NONCES)


def test_no_two_secrets_are_alike() -> None:
    assert len({wire.new_secret() for _ in range(100)}) == 100
    assert wire.NONCE.fullmatch(wire.new_secret())
