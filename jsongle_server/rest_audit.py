"""Who changed what: one line in the log for every change that is made over REST. Layer 4."""

from __future__ import annotations

from typing import Any, Final

from twisted.logger import Logger

from jsongle_server.logs import AUDIT

_log: Final = Logger(namespace=AUDIT)


def audit(caller: str, what: str, *, target: str, result: str, **fields: Any) -> None:
    """Writes the line of one change, whatever is logged otherwise; call it once the change is made.

    :param caller: who made it: the caller's address.
    :param what: what was done.
    :param target: to what, fit for a log (:mod:`jsongle_server.privacy`); never a token.
    :param result: what came of it.
    :param fields: more for those who read the log as JSON.
    """
    _log.info("{caller}: {what} {target}: {result}", caller=caller, what=what, target=target, result=result, **fields)
