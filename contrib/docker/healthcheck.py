"""Asks the server in this container whether it takes clients; exits with 0 if it does, with 1 if not.

Where it listens, it knows from the settings as the server does: environment and env file, though not options. It asks
this machine alone, so that a certificate, which is for another name, proves nothing here and is not looked at.
"""

from __future__ import annotations

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

from jsongle_server.config import Config, ConfigError
from jsongle_server.config_sources import load

SECONDS: Final = 3.0
"""How long to wait for the answer; less than the timeout of the HEALTHCHECK."""


def is_ready(config: Config) -> bool:
    """Whether ``GET /readyz`` of the server with these settings is answered with 200."""
    host = config.rest_host or "127.0.0.1"
    connection = HTTPConnection(host, config.rest_port, timeout=SECONDS)
    if config.use_https:
        context = ssl._create_unverified_context()
        connection = HTTPSConnection(host, config.rest_port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """The exit status."""
    try:
        return 0 if is_ready(load(options={}, environ=os.environ, env_file=None).config) else 1
    except ConfigError:
        return 1  # the server says what is wrong


if __name__ == "__main__":
    sys.exit(main())
