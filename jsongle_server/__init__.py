"""JSONgle-Server: a WebRTC signaling server that speaks JSONgle over WebSocket."""

from __future__ import annotations

__version__ = "0.1.0"
