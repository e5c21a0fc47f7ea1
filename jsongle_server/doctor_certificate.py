"""Certificates under the doctor's eyes: those in a file, and the one that a server shows.

Owns what is wrong with a certificate for a browser; must not know whose it is. Layer 5.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
)

from jsongle_server.certificates import read_pair
from jsongle_server.doctor_findings import Finding, Findings, Stop, ok, problem, quoted, skipped, warning

if TYPE_CHECKING:
    from jsongle_server.doctor_subject import Subject

CHECK: Final = "certificate"

SOON: Final = timedelta(days=14)
"""How long before its end a certificate should have been renewed: those that are renewed by themselves have been."""

_RENEW: Final = "renew it; the server takes the new files by itself, or at SIGHUP"


def check_files(subject: Subject, now: float) -> Findings:
    """Looks at the files of ``key`` and ``cert``.

    :param now: seconds since the epoch.
    """
    config = subject.config
    if not config.use_https or config.cert is None or config.key is None:
        yield skipped(CHECK, "useHTTPS is off: the server speaks no TLS by itself")
        return
    try:
        pair = read_pair(config.cert, config.key)
    except ValueError as error:
        raise Stop(problem(CHECK, quoted(str(error)), "put the right files there")) from error
    yield ok(CHECK, "key and certificate belong together, and can be read as this user")
    yield from _judge_chain(pair.chain)
    yield judge_dates(pair.chain[0], now)


def judge_dates(certificate: Certificate, now: float) -> Finding:
    """Whether a certificate is valid, and for how long.

    :param now: seconds since the epoch.
    """
    at = datetime.fromtimestamp(now, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begins:
        advice = "wait, have another one made, or set the clock of this machine right"
        return problem(CHECK, f"not valid before {begins:%Y-%m-%d %H:%M} UTC", advice)
    if at >= ends:
        return problem(CHECK, f"expired on {ends:%Y-%m-%d %H:%M} UTC", _RENEW)
    if ends - at < SOON:
        return warning(CHECK, f"expires on {ends:%Y-%m-%d %H:%M} UTC", _RENEW)
    return ok(CHECK, f"for {names(certificate)}, valid until {ends:%Y-%m-%d}")


def names(certificate: Certificate) -> str:
    """Whom a certificate is for, for people to read."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        return "no name that browsers look at"
    listed = [*alternatives.get_values_for_type(DNSName), *map(str, alternatives.get_values_for_type(IPAddress))]
    return quoted(", ".join(listed)) or "no name that browsers look at"


def _judge_chain(chain: tuple[Certificate, ...]) -> Findings:
    """Whether each certificate is followed by that of its issuer, and browsers can follow them."""
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            advice = "order them: the server's own first, then each of whom issued the one before"
            yield problem(CHECK, "the certificates in cert do not follow one another", advice)
            return
    leaf = chain[0]
    if leaf.issuer == leaf.subject:
        advice = "get one from an authority that browsers know, such as Let's Encrypt"
        yield warning(CHECK, "self-signed: browsers refuse it unless they are told to trust it", advice)
    elif len(chain) == 1:
        advice = "unless a root issued it, add the intermediate certificates: 'fullchain.pem' rather than 'cert.pem'"
        yield warning(CHECK, "cert holds no certificates that lead to a root", advice)
