"""The settings of this server that are not at their defaults while it is measured: still checked, never hit."""

from __future__ import annotations

from typing import Final

RAISED_LIMITS: Final = {
    "maxConcurrentUsers": "20000",
    "rateLimit": "1000000",
    "rateBurst": "1000000",
    "candidateRate": "1000000",
    "candidateBurst": "1000000",
}
"""Texts by setting, as the options of ``twistd jsongle`` have them."""
