"""What a client presents with its opening handshake: a token in the Authorization header, or in the address.

Browsers can set no header there, so that the address is the only way for some; it is never logged. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from jsongle_server.upgrade import Upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autobahn.websocket.types import ConnectionRequest

PARAMETER: Final = "token"
"""The parameter of the address that holds the token."""


def presented_token(request: ConnectionRequest | Upgrade) -> str | None:
    """The token of an opening handshake, ``None`` where there is none; the header counts before the address."""
    params: Mapping[str, list[str]]
    if isinstance(request, Upgrade):
        authorization, params = request.authorization, parse_qs(request.query)
    else:
        authorization, params = request.headers.get("authorization", ""), request.params
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return str(token.strip())
    return next(iter(params.get(PARAMETER, ())), None)
