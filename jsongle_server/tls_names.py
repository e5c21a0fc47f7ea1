"""Whom a certificate is for, seen from a client: a trusted one has to name the host that was asked for.

Twisted's own check takes a trusted certificate that names nobody for anybody's, and logs a traceback for it. Must not
know what is said under TLS. Layer 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection


class WrongName(Exception):
    """A certificate does not say that it is for the host."""


@implementer(IOpenSSLClientConnectionCreator)
class NamedCreator:
    """Makes the TLS side of connections to one host, whose certificate has to name it (RFC 9525 section 6).

    :param creator: makes it without that check.
    :param host: a name of DNS in ASCII, or an address without brackets.
    """

    def __init__(self, creator: IOpenSSLClientConnectionCreator, host: str) -> None:
        self._creator = creator
        self._expected = IPAddress_ID(host) if isIPAddress(host) or isIPv6Address(host) else DNS_ID(host)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:  # noqa: N802, N803
        """Makes it for one connection; the protocol fails by :class:`WrongName` if the certificate does not fit.

        :param tlsProtocol: Twisted's protocol of TLS.
        """
        connection = self._creator.clientConnectionForTLS(tlsProtocol)
        # The connection keeps the callback, and the protocol keeps the connection.
        protocol = ref(tlsProtocol)

        def verify(connection: Connection, certificate: Any, error: int, depth: int, ok: int) -> bool:
            if depth == 0:
                try:
                    verify_service_identity(extract_patterns(certificate), [self._expected], [])
                except Exception as fault:  # also what no certificate should have in it
                    waiting = protocol()
                    if waiting is not None:
                        waiting.failVerification(Failure(WrongName(repr(fault))))
                    return False
            return bool(ok)

        connection.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection
