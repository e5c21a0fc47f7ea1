"""This server with TLS on its WebSocket port: ``python -m benchmarks.server_tls PORT``.

It is wired for the benchmarks alone, to see what TLS costs. ``twistd jsongle`` leaves TLS to a proxy in front of it;
here Twisted speaks it, TLS 1.2 at least, with an ECDSA key and a self-signed certificate that live as long as the
process. Everything behind it is the server in the configuration of the other measurements, less the REST port, which
they leave alone; it logs what that logs, to a file that is gone at its end. Started and ended like the bare relays
(``benchmarks/bare/__init__.py``).
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509, PKey
from twisted.internet import reactor
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.logger import FileLogObserver, globalLogBeginner

from benchmarks.raised_limits import RAISED_LIMITS
from jsongle_server import __version__
from jsongle_server.config import Config
from jsongle_server.lifecycle import Lifecycle, Phase
from jsongle_server.listening import BACKLOG
from jsongle_server.log_format import formatter
from jsongle_server.logs import LogControl
from jsongle_server.metrics import Metrics
from jsongle_server.signaling import Signaling
from jsongle_server.websocket_factory import SignalingFactory

DAY: Final = timedelta(days=1)


def make_certificate() -> CertificateOptions:
    """A new key on P-256 and a certificate for it that nobody vouches for, as the server's side of TLS."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = Name([NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    unsigned = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
    return CertificateOptions(
        privateKey=PKey.from_cryptography_key(key),
        certificate=X509.from_cryptography(unsigned.sign(key, SHA256())),
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )


def make_factory(loop: Any) -> SignalingFactory:
    """The server behind the WebSocket port, ready for clients."""
    config = Config.from_mapping(RAISED_LIMITS)
    lifecycle = Lifecycle(started=loop.seconds())
    signaling = Signaling(config, Metrics(__version__), clock=loop)
    lifecycle.phase = Phase.READY
    return SignalingFactory(config, signaling, lifecycle, reactor=loop)


def main() -> None:
    """Serves until a signal ends it."""
    loop: Any = reactor
    control = LogControl()
    with TemporaryFile("w", encoding="utf-8") as log:
        observer = control.filtered(FileLogObserver(log, formatter("text")))
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
        factory = make_factory(loop)
        port = loop.listenSSL(int(sys.argv[1]), factory, make_certificate(), backlog=BACKLOG, interface="127.0.0.1")
        print("ready", port.getHost().port, flush=True)
        loop.run()


if __name__ == "__main__":
    main()
