"""Webhooks as part of a whole server: switched on and off, and the last to stop."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config
from jsongle_server.logs import LogControl
from jsongle_server.occurrences import Kind, Occurrence
from jsongle_server.service import make_server
from jsongle_server.webhooks import STOP_TIME
from tests.webhook_support import SECRET, URL

OFF = Config(ws_port=0, rest_port=0, ws_host="127.0.0.1", rest_host="127.0.0.1", drain_timeout=0)
ON = replace(OFF, webhook_url=URL, webhook_secret=SECRET)


class WebhookServerTests(SynchronousTestCase):
    """A server that is made and wired as ever."""

    def serve(self, config: Config) -> None:
        """Makes one."""
        self.reactor = MemoryReactorClock()
        self.server = make_server(self.reactor, config, LogControl("info"), log_file=None, log_path=None)
        for listener in self.server._listeners:
            self.addCleanup(listener.stop)

    def is_listened_to(self) -> bool:
        """Whether what happens is taken note of."""
        return self.server._factory.signaling._services.publish is not None

    def happen(self) -> None:
        """Has something happen."""
        publish = self.server._factory.signaling._services.publish
        assert publish is not None
        publish(Occurrence(Kind.MEMBER_JOINED, "s", 0.0, {}))

    def test_off(self) -> None:
        """Without an address nobody listens."""
        self.serve(OFF)
        self.assertFalse(self.is_listened_to())

    def test_reload(self) -> None:
        """A reload switches them on, and off again."""
        self.serve(OFF)
        self.server.reload(lambda: ON)
        self.assertTrue(self.is_listened_to())
        self.happen()
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.server.reload(lambda: OFF)
        self.assertFalse(self.is_listened_to())

    def test_stop(self) -> None:
        """The stop waits for what is to be delivered, for a moment."""
        self.serve(ON)
        self.happen()
        stopped = self.server.stopService()
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.assertNoResult(stopped)
        self.reactor.advance(STOP_TIME)
        self.assertIsNone(self.successResultOf(stopped))

    def test_hurry(self) -> None:
        """A stop in a hurry does not."""
        self.serve(ON)
        self.happen()
        stopped = self.server.stopService()
        self.reactor.advance(0)
        self.server.hurry()
        self.assertIsNone(self.successResultOf(stopped))
