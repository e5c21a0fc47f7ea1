"""TLS on the server's own ports (the setting ``useHTTPS``).

Twisted encrypts; here is with what: a certificate and its key, read anew when their files change, so that new
connections have the new ones while those that are open go on as they are. Layer 4.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from OpenSSL.SSL import Connection, Error
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from jsongle_server.certificates import Pair, read_pair
from jsongle_server.config import ConfigError

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    from jsongle_server.config import Config

WATCH_INTERVAL: Final = 5.0
"""Seconds between two looks at the files."""

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What TLS 1.2 may use: what every client since 2014 has, with a key of its own for each connection. TLS 1.3 has
nothing else."""


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """The server's side of TLS.

    :param config: names the files.
    :param clock: times the looks at them.
    :raises ValueError: they cannot be used; the text says which setting, which file, and what is accepted.
    """

    _log = Logger()

    def __init__(self, config: Config, clock: IReactorTime) -> None:
        assert config.cert is not None
        assert config.key is not None
        self._cert, self._key = config.cert, config.key
        self._clock = clock
        self._seen = self._look()
        self._pair = read_pair(self._cert, self._key)
        self._options = make_options(self._pair)
        self._problem: str | None = None
        self._watch = LoopingCall(self._reread_if_changed)
        self._watch.clock = clock

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> Connection:  # noqa: N802  (Twisted's name)
        """Begins TLS on a new connection."""
        return self._options.serverConnectionForTLS(protocol)

    def wrap(self, factory: Any) -> Any:
        """The same as a factory, with TLS around its connections."""
        return TLSMemoryBIOFactory(self, isClient=False, wrappedFactory=factory, clock=self._clock)

    def start(self) -> None:
        """Watches the files from now on."""
        self._tell()
        self._watch.start(WATCH_INTERVAL, now=False)

    def stop(self) -> None:
        """Watches them no longer."""
        if self._watch.running:
            self._watch.stop()

    def reconfigure(self, config: Config) -> None:
        """Reads the files again, or others. What cannot be used is logged, and changes nothing."""
        # Without useHTTPS, which only a restart takes, there may be none any more.
        if config.cert is not None and config.key is not None:
            self._cert, self._key = config.cert, config.key
        self._problem = None
        self._reread()

    def _reread_if_changed(self) -> None:
        if self._look() != self._seen:
            self._problem = None
        elif self._problem is None:
            return
        # What could not be used may be good by now without a change that shows: a folder above can be opened to us.
        self._reread()

    def _reread(self) -> None:
        # Looked at before they are read: what changes in between is seen the next time.
        self._seen = self._look()
        try:
            pair = read_pair(self._cert, self._key)
            options = make_options(pair) if pair.chain != self._pair.chain else None
        except ValueError as error:
            if self._is_new(str(error)):
                self._log.error("TLS goes on with the certificate that it has: {problem}", problem=error)
            return
        except Exception as error:
            # Whatever it is, it must not end the watch over the files.
            if self._is_new(repr(error)):
                self._log.failure("TLS goes on with the certificate that it has", level=LogLevel.error)
            return
        self._problem = None
        if options is not None:
            self._pair, self._options = pair, options
            self._tell()

    def _is_new(self, problem: str) -> bool:
        """Takes note of what is wrong; whether that has not been said yet."""
        former, self._problem = self._problem, problem
        return problem != former

    def _tell(self) -> None:
        if warning := self._pair.warning(self._clock.seconds()):
            self._log.warn("{text}", text=warning)
        else:
            self._log.info("TLS with a certificate that is good until {expiry}", expiry=self._pair.expiry)

    def _look(self) -> list[tuple[int, ...] | None]:
        """What changes when a file does, or what a link leads to."""
        return [_look_at(path) for path in (self._cert, self._key)]


def make_tls(config: Config, clock: IReactorTime) -> Tls | None:
    """The TLS of a server, ``None`` where its ports are to speak without.

    :raises ConfigError: the certificate and its key cannot be used.
    """
    if not config.use_https:
        return None
    try:
        return Tls(config, clock)
    except ValueError as error:
        raise ConfigError((str(error),)) from None


def make_options(pair: Pair) -> CertificateOptions:
    """What connections are made from: TLS 1.2 at least, without compression; OpenSSL allows no renegotiation.

    :raises ValueError: OpenSSL does not take the certificate.
    """
    # Twisted's annotations have classes of pyOpenSSL's for these, which that has deprecated.
    key: Any = pair.key
    chain: Any = pair.chain
    own, *others = chain
    options = CertificateOptions(
        privateKey=key,
        certificate=own,
        extraCertChain=others,
        raiseMinimumTo=TLSVersion.TLSv1_2,
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(CIPHERS),
    )
    try:
        options.getContext()
    except Error as error:
        reasons = ", ".join(str(reason) for *_, reason in error.args[0])
        raise ValueError(f"cert: OpenSSL does not accept it ({reasons}); another certificate is") from None
    return options


def _look_at(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    # The last is what a change of owner or mode shows in.
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
