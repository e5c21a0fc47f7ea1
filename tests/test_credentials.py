"""Tests of :mod:`jsongle_server.credentials`: tokens that come with the opening handshake, whoever reads it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WireClient
from tests.token_makers import APP_TOKEN, SHARED, token

ODD = "X-Odd: é"
"""A header that leaves the whole handshake to Autobahn."""


class PresentedTests(SynchronousTestCase):
    """What is taken from the header, or from the address."""

    def status(self, *headers: str, target: str = "/ws", uid: str = "alice") -> str:
        """How a hello without a token ends after such a handshake, read by us and by Autobahn alike."""
        found = set()
        for more in ((), (ODD,)):
            server = WebSocketMemoryServer(jwt_key=SHARED)
            wire = server.open_wire()
            lines = (f"GET {target} HTTP/1.1", *HANDSHAKE[1:], *headers, *more)
            wire.send(("\r\n".join(lines) + "\r\n\r\n").encode("iso-8859-1"))
            head, _, wire._unread = wire.read_rest().partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 101"), head)
            client = WireClient(wire)
            client.greeted()
            client.say("x", "iq-result", query="session-hello", description={"uid": uid})
            found.add(client.take()[0]["jsongle"]["status"])
        (status,) = found
        return str(status)

    def test_header(self) -> None:
        """A bearer token in the header lets in, however the scheme is written; other schemes do not."""
        for header in (f"Bearer {token()}", f"bearer   {token()}", f"BEARER {token()} "):
            self.assertEqual(self.status(f"Authorization: {header}"), "success")
        for header in ("Bearer", "Bearer ", f"Basic {token()}", token(), f"Bearer{token()}", f"Bearer {token('bob')}"):
            self.assertEqual(self.status(f"Authorization: {header}"), "failed")

    def test_address(self) -> None:
        """So does one in the address, percent-encoded or not; the first counts."""
        for query in (
            f"token={token()}",
            f"a=b&token={token()}&c",
            f"token={token()}&token=x",
            "token=" + coded(token()),
        ):
            self.assertEqual(self.status(target=f"/ws?{query}"), "success")
        for query in ("", "token=", "token", f"Token={token()}", f"x{token()}", f"token=x&token={token()}"):
            self.assertEqual(self.status(target=f"/ws?{query}"), "failed")

    def test_header_counts_first(self) -> None:
        """With both, the address is left alone: it is what others may have set."""
        self.assertEqual(self.status(f"Authorization: Bearer {token()}", target="/?token=x"), "success")
        self.assertEqual(self.status("Authorization: Bearer x", target=f"/?token={token()}"), "failed")

    def test_is_kept_where_it_is_asked_for(self) -> None:
        """It stands for what later hellos do not have; where no tokens are asked for, nothing is kept of it."""
        header = f"Authorization: Bearer {APP_TOKEN}"
        for settings in ({"app_token": APP_TOKEN}, {}):
            server = WebSocketMemoryServer(**settings)
            wire = server.open_wire()
            wire.handshake(header)
            client = WireClient(wire)
            session = wire.protocol._session
            assert session is not None
            self.assertEqual(session.presented, settings.get("app_token"))
            for dn in ("a", "b", "c", "d"):
                self.assertEqual(client.hello("alice", dn=dn)["jsongle"]["status"], "success")
            self.assertEqual(session.presented, settings.get("app_token"))
            self.assertNotIn("_presented", {key for key, value in vars(wire.protocol).items() if value is not None})


def coded(text: str) -> str:
    """Every character as its percent-encoding."""
    return "".join(f"%{ord(character):02x}" for character in text)
