"""Tells ``twistd`` that there is a ``jsongle`` command.

Owns its name and description and nothing else: every run of ``twistd`` reads this file, whatever it starts, so it must
import neither the server nor a reactor. ``jsongle_server.tap`` is imported when the command is chosen.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker

jsongle = ServiceMaker(
    "JSONgle-Server",
    "jsongle_server.tap",
    "A WebRTC signaling server: JSONgle over WebSocket, monitored over REST.",
    "jsongle",
)
