"""What control server and client say to each other: lines of JSON, after a proof of the token.

``docs/control.md`` is the specification. Nothing here waits or knows of sockets.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import Any, Literal

from saccade.realtime.errors import ControlError
from saccade.realtime.sinks.messages import to_json

VERSION = 1
LARGEST_LINE = 65536  # bytes, with the end of the line
LARGEST_ANSWER = 2**20  # of a server that has proved to know the token
HOST = "127.0.0.1"
BUSY = "the session has ended, or too many call at once"
NONCE = re.compile("[0-9a-f]{64}")

Side = Literal["client", "server"]


def new_secret() -> str:
    """Return 256 random bits in hexadecimal, as a token or a nonce."""
    return secrets.token_hex(32)


def proof(token: str, side: Side, server_nonce: str, client_nonce: str) -> str:
    """Return what only one who knows the token can say, and only in this conversation.

    HMAC-SHA-256 (RFC 2104) over version, side and both nonces. So the token itself never travels,
    nothing overheard can be said again, and what one side says can't be thrown back at it.
    """
    content = f"saccade-control {VERSION} {side} {server_nonce} {client_nonce}"
    return hmac.new(token.encode(), content.encode(), hashlib.sha256).hexdigest()


def proves(came: object, token: str, side: Side, server_nonce: str, client_nonce: str) -> bool:
    """Return whether a proof is the right one, in a time that tells nothing about it."""
    expected = proof(token, side, server_nonce, client_nonce)
    return isinstance(came, str) and hmac.compare_digest(expected.encode(), _bytes(came))


def encode(content: dict[str, Any]) -> bytes:
    """Return a message as a line."""
    return to_json(content).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message in a line.

    Raises
    ------
    ControlError
        If it is not one JSON object.
    """
    try:
        content = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ControlError(
            f"a line must be one JSON object, but {len(line)} bytes came that are not JSON"
        ) from error
    if not isinstance(content, dict):
        raise ControlError(f"a line must be one JSON object, not {json.dumps(content):.40}")
    return content


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
