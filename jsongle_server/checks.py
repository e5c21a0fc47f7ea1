"""What can be told of the settings before the server starts, beyond what each of them accepts.

Looks at the endpoints and the certificate that they name, and changes nothing. Layer 4: imports no reactor, as it runs
while there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsongle_server.certificates import read_pair
from jsongle_server.endpoints import problem_in
from jsongle_server.tls import make_options

if TYPE_CHECKING:
    from jsongle_server.config import Config


def problems(config: Config) -> list[str]:
    """What keeps a server with these settings from starting, a line each."""
    endpoints = {"wsEndpoint": config.ws_endpoint, "restEndpoint": config.rest_endpoint}
    found = [problem_in(text, setting=setting) for setting, text in endpoints.items() if text]
    return [problem for problem in (*found, _certificate_problem(config)) if problem]


def warnings(config: Config, now: float) -> list[str]:
    """What the operator probably did not mean, a line each.

    :param config: settings without problems.
    :param now: seconds since the epoch.
    """
    if not config.use_https or config.cert is None or config.key is None:
        return []
    warning = read_pair(config.cert, config.key).warning(now)
    return [warning] if warning else []


def _certificate_problem(config: Config) -> str | None:
    if not config.use_https or config.cert is None or config.key is None:
        return None
    try:
        make_options(read_pair(config.cert, config.key))
    except ValueError as error:
        return str(error)
    return None
