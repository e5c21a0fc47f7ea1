"""Certificates under the doctor's eyes: those in a file, and the one that a server shows.

Owns what is wrong with a certificate for a browser; must not know whose it is. Layer 5.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import (
    Certificate,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)

from jsongle_server.doctor_findings import Finding, Findings, Stop, ok, problem, quoted, reason, skipped, warning

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
    chain = _load_chain(config.cert)
    yield _judge_key(chain[0], config.key)
    yield from _judge_chain(chain)
    yield judge_dates(chain[0], now)


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


def _load_chain(path: str) -> list[Certificate]:
    """The certificates of a file, of which there is one at least.

    :raises Stop: it has none that can be read.
    """
    try:
        with open(path, "rb") as file:
            return load_pem_x509_certificates(file.read())
    except OSError as error:
        raise Stop(problem(CHECK, f"{path} cannot be read: {reason(error)}", "let this user read it")) from error
    except ValueError as error:
        advice = "put the certificate and those that lead to its root into it, in PEM"
        raise Stop(problem(CHECK, f"{path} has no certificates that can be read", advice)) from error


def _judge_key(certificate: Certificate, path: str) -> Finding:
    try:
        with open(path, "rb") as file:
            key = load_pem_private_key(file.read(), None)
    except OSError as error:
        return problem(CHECK, f"{path} cannot be read: {reason(error)}", "let the user of the server read it")
    except TypeError:
        return problem(CHECK, f"{path} is protected by a passphrase", "store the key without one: nobody is asked")
    except (ValueError, UnsupportedAlgorithm):
        return problem(CHECK, f"{path} has no private key that can be read", "put the private key into it, in PEM")
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        advice = "name the key that this certificate was made for; in cert, the server's own certificate comes first"
        return problem(CHECK, f"{path} is not the key of the certificate", advice)
    return ok(CHECK, "the key fits")


def _judge_chain(chain: list[Certificate]) -> Findings:
    """Whether each certificate is followed by that of its issuer, and browsers can follow them."""
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            advice = "order them: the server's own first, then each by whom the one before was issued"
            yield problem(CHECK, "the certificates in cert do not follow one another", advice)
            return
    leaf = chain[0]
    if leaf.issuer == leaf.subject:
        advice = "get one from an authority that browsers know, such as Let's Encrypt"
        yield warning(CHECK, "self-signed: browsers refuse it unless they are told to trust it", advice)
    elif len(chain) == 1:
        advice = "unless a root issued it, add the intermediate certificates: 'fullchain.pem' rather than 'cert.pem'"
        yield warning(CHECK, "cert holds no certificates that lead to a root", advice)
