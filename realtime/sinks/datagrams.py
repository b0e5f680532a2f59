"""Datagrams to one address: sent at once or not at all, and no answer is ever waited for.

What can't be sent (nobody routes there, the system's buffer is full, the message is longer than a
datagram) is lost, told once, and counted in the session's summary: whoever needs every result
reads a stream or the log.
"""

from __future__ import annotations

import logging
import socket
from typing import Any

from saccade.realtime.errors import ConfigError

logger = logging.getLogger(__name__)


class Datagrams:
    """Sends UDP datagrams.

    Parameters
    ----------
    host : str
        Name or address, of IPv4 or IPv6.
    port : int
        1 to 65535.

    Attributes
    ----------
    n_lost : int
        How many could not be sent.
    """

    def __init__(self, host: str, port: int) -> None:
        if not host or not 0 < port < 65536:
            raise ConfigError(
                f"datagrams go to a host and a port from 1 to 65535, not to '{host}:{port}'"
            )
        self.host, self.port = host, port
        self.n_lost = 0
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Look up the address, which may take a while.

        Raises
        ------
        ConfigError
            If there is no such host.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise ConfigError(
                f"datagrams should go to {self.host}, but it can't be found "
                f"({error.strerror}): check the name, or give an address"
            ) from error
        family, kind, protocol, _, address = found[0]
        self._address: tuple[Any, ...] = address
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)

    def send(self, content: bytes) -> None:
        """Send a datagram, or lose it."""
        if self._socket is None:
            raise ConfigError("datagrams can be sent once they are open: call open() first")
        try:
            self._socket.sendto(content, self._address)
        except OSError as error:
            if not self.n_lost:
                logger.warning(
                    "a datagram of %d bytes to %s:%d is lost (%s); others may be too",
                    *(len(content), self.host, self.port, error.strerror),
                )
            self.n_lost += 1

    def close(self) -> None:
        """Let go of the socket; may be called twice."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def receiver(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; an IPv6 address stands in brackets.

    Parameters
    ----------
    text : str
        As a person writes it.

    Raises
    ------
    ConfigError
        If it is none.
    """
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (colon and bare and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(
            f"a receiver of datagrams should be HOST:PORT, as 127.0.0.1:9000, not '{text}'"
        )
    return bare, int(port)
