"""Whom the doctor looks at: the configuration, the address, and what the operator wants to be tried.

Owns how an address is read; must not know what is looked at. Layer 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from jsongle_server.config import Config
from jsongle_server.doctor_wire import STEP_SECONDS, Place

_SCHEMES: Final = {"ws": (False, 80), "http": (False, 80), "wss": (True, 443), "https": (True, 443)}
_ANY: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where clients connect.

    :param path: what they ask for, with its query, which may hold a token: never shown.
    """

    place: Place
    path: str = "/"

    def __str__(self) -> str:
        scheme = "wss" if self.place.is_secure else "ws"
        return f"{scheme}://{self.place}{self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    :param config: the settings of this machine.
    :param url: the address that the operator gave; without one, what the settings say is looked at.
    :param token: what to say hello with, instead of what the settings give.
    :param idle: for how many seconds to be silent on an open connection; 0 for not at all.
    :param seconds: how long a step may take.
    """

    config: Config
    url: Target | None = None
    token: str | None = None
    idle: float = 0.0
    seconds: float = STEP_SECONDS

    @property
    def target(self) -> Target | None:
        """Where to connect, if the settings and the address say so."""
        config = self.config
        if self.url is not None or config.ws_endpoint or not config.ws_port:
            return self.url
        return Target(local_place(config.ws_host, config.ws_port, is_secure=config.use_https))

    @property
    def rest(self) -> Place | None:
        """Where the REST side of the server on this machine is, if the settings say so."""
        config = self.config
        if config.rest_endpoint or not config.rest_port:
            return None
        return local_place(config.rest_host, config.rest_port, is_secure=config.use_https)


def local_place(host: str, port: int, *, is_secure: bool) -> Place:
    """Where something that listens on an interface is reached from this machine."""
    return Place(_ANY.get(host, host), port, is_secure=is_secure)


def read_url(text: str) -> Target:
    """Reads the address of a server.

    :param text: like ``wss://example.org/signaling``; with ``http`` and ``https`` it means the same.
    :raises ValueError: it is none; the text says why, and repeats no password.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address has no blanks, and only ASCII characters")
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES:
        raise ValueError("an address begins with ws://, wss://, http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user and a password cannot be tried")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not parts.hostname or port == 0:
        raise ValueError("an address names a host, and maybe a port from 1 to 65535")
    is_secure, default_port = _SCHEMES[parts.scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(Place(parts.hostname, port or default_port, is_secure=is_secure), path)
