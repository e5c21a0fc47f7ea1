"""What can be told of the settings before the server starts, beyond what each of them accepts.

Looks at the endpoints, the certificate and the proxies that they name, and changes nothing. Layer 4: imports no
reactor, as it runs while there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsongle_server.certificates import read_pair
from jsongle_server.endpoints import problem_in
from jsongle_server.tls import make_options

if TYPE_CHECKING:
    from jsongle_server.config import Config


def examine(config: Config, now: float) -> tuple[list[str], list[str]]:
    """Looks at what the settings name.

    :param now: seconds since the epoch.
    :returns: what keeps the server from starting, and what the operator probably did not mean, a line each.
    """
    endpoints = {"wsEndpoint": config.ws_endpoint, "restEndpoint": config.rest_endpoint}
    problems = [problem_in(text, setting=setting) for setting, text in endpoints.items() if text]
    warnings = [
        f"trustedProxies: {network} trusts everybody, and whoever connects chooses his own address"
        for network in config.trusted_proxies
        if network.endswith("/0")
    ]
    if config.use_https and config.cert is not None and config.key is not None:
        try:
            pair = read_pair(config.cert, config.key)
            make_options(pair)
            warnings += filter(None, [pair.warning(now)])
        except ValueError as error:
            problems.append(str(error))
    return [problem for problem in problems if problem], warnings
