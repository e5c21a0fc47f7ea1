"""Compression of messages (RFC 7692): off unless it is switched on, and then for those clients that offer it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import WebSocketMemoryServer, WebSocketWire, masked_frame

TEXT, CLOSE, RSV1 = 0x01, 0x08, 0x40
OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
MAX_SIZE = 4096


class Client:
    """A client that speaks permessage-deflate, or does not.

    :param offer: its header lines beyond the usual.
    :param takes_context: whether the server's compression remembers earlier messages.

    :ivar answer: the head of the server's answer to its handshake.
    :ivar compressed: of the messages that came, whether each was compressed.
    :ivar sizes: and how many bytes of payload it took.
    """

    def __init__(self, server: WebSocketMemoryServer, uid: str, *offer: str, takes_context: bool = True) -> None:
        self.wire: WebSocketWire = server.open_wire()
        self.answer = self.wire.handshake(*offer)
        self.closed = 0
        self.compressed: list[bool] = []
        self.sizes: list[int] = []
        self._server = server
        self._takes_context = takes_context
        self._deflate = zlib.compressobj(wbits=-15)
        self._inflate = zlib.decompressobj(wbits=-15)
        (hello,) = self.take()
        self.identity = hello["to"]
        self.send(
            {
                "id": "m",
                "to": hello["from"],
                "jsongle": {
                    "action": "iq-result",
                    "query": "session-hello",
                    "transaction": hello["jsongle"]["transaction"],
                    "description": {"uid": uid},
                },
            }
        )
        self.take()

    def send(self, message: object, *, is_compressed: bool = False) -> None:
        """Sends a message."""
        self.send_payload(orjson.dumps(message), is_compressed=is_compressed)

    def send_payload(self, payload: bytes, *, is_compressed: bool) -> None:
        """Sends a text frame."""
        if is_compressed:
            payload = (self._deflate.compress(payload) + self._deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        self.wire.send(masked_frame(TEXT | (RSV1 if is_compressed else 0), payload))

    def say(self, to: str, content: str, *, is_compressed: bool) -> None:
        """Sends a text to somebody."""
        jsongle = {"action": "session-text", "description": {"content": content}}
        self.send({"id": content[:20], "to": to, "jsongle": jsongle}, is_compressed=is_compressed)

    def take(self) -> list[dict[str, Any]]:
        """The messages that came."""
        self._server.clock.advance(0)
        data = self.wire.read_rest()
        messages = []
        while data:
            first, size, start = data[0], data[1], 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(data[2:start], "big")
            payload, data = data[start : start + size], data[start + size :]
            if first & 0x0F == CLOSE:
                self.closed = int.from_bytes(payload[:2], "big")
            else:
                messages.append(self._read(first, payload))
        return messages

    def contents(self) -> list[str]:
        """What the texts that came say; acks are none."""
        return [
            message["jsongle"]["description"]["content"]
            for message in self.take()
            if message["jsongle"]["action"] == "session-text"
        ]

    def _read(self, first: int, payload: bytes) -> dict[str, Any]:
        self.compressed.append(bool(first & RSV1))
        self.sizes.append(len(payload))
        if first & RSV1:
            if not self._takes_context:
                self._inflate = zlib.decompressobj(wbits=-15)
            payload = self._inflate.decompress(payload + b"\x00\x00\xff\xff")
        message: dict[str, Any] = orjson.loads(payload)
        self.wire.witness.heard(message)
        return message


class DeflateCase(SynchronousTestCase):
    """A server that compresses."""

    def setUp(self) -> None:
        """Starts it."""
        self.server = WebSocketMemoryServer(per_message_deflate=True, max_message_size=MAX_SIZE)

    def accepted(self, *offer: str) -> str:
        """The extensions that the server accepts of an offer."""
        head = self.server.open_wire().handshake(*offer)
        self.assertTrue(head.startswith("HTTP/1.1 101"), head)
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        return lines.get("Sec-WebSocket-Extensions", "")


class NegotiationTests(DeflateCase):
    """Who compresses."""

    def test_off_by_default(self) -> None:
        """An offer is declined, and messages are as ever, whichever way handshakes and frames take."""
        for fast in (True, False):
            self.server = WebSocketMemoryServer(fast_frames=fast)
            self.assertEqual(self.accepted(OFFER), "")
            client = Client(self.server, "u", OFFER)
            self.assertEqual(set(client.compressed), {False})

    def test_compressed_message_while_off(self) -> None:
        """A message that is compressed all the same is an error."""
        self.server = WebSocketMemoryServer()
        client = Client(self.server, "u", OFFER)
        client.say("u", "hi", is_compressed=True)
        client.take()
        self.assertEqual(client.closed, 1002)

    def test_accepted(self) -> None:
        """Switched on, the server accepts an offer, whichever way handshakes and frames take."""
        for fast in (True, False):
            self.server = WebSocketMemoryServer(per_message_deflate=True, fast_frames=fast)
            self.assertEqual(self.accepted(OFFER), "permessage-deflate")

    def test_not_offered(self) -> None:
        """A client that offers nothing is served without."""
        self.assertEqual(self.accepted(), "")
        self.assertEqual(set(Client(self.server, "u").compressed), {False})

    def test_other_extensions(self) -> None:
        """Of several offers the first that is known is accepted."""
        self.assertEqual(self.accepted("Sec-WebSocket-Extensions: x-webkit-frame"), "")
        self.assertEqual(self.accepted(f"{OFFER}; server_no_context_takeover, permessage-deflate").count("deflate"), 1)

    def test_what_browsers_offer(self) -> None:
        """So is the offer that browsers make."""
        self.assertTrue(self.accepted(f"{OFFER}; client_max_window_bits").startswith("permessage-deflate"))

    def test_demands_of_a_client(self) -> None:
        """A client that has little memory is told that its demands are met, and they are."""
        self.assertIn("server_no_context_takeover", self.accepted(f"{OFFER}; server_no_context_takeover"))
        self.assertIn("server_max_window_bits=10", self.accepted(f"{OFFER}; server_max_window_bits=10"))
        alice = Client(self.server, "alice", OFFER)
        bob = Client(self.server, "bob", f"{OFFER}; server_no_context_takeover", takes_context=False)
        for content in ("one", "two", "two"):
            alice.say("bob", content, is_compressed=True)
        self.assertEqual(bob.contents(), ["one", "two", "two"])

    def test_reload(self) -> None:
        """Switched on while the server runs, it counts for connections from then on."""
        self.server = WebSocketMemoryServer()
        before = Client(self.server, "alice", OFFER)
        self.server.factory.reconfigure(WebSocketMemoryServer(per_message_deflate=True).config)
        after = Client(self.server, "bob", OFFER)
        self.assertEqual(self.accepted(OFFER), "permessage-deflate")
        before.say("bob", "hi", is_compressed=False)
        after.say("alice", "ho", is_compressed=True)
        self.assertEqual((after.contents(), before.contents()), (["hi"], ["ho"]))


class MessageTests(DeflateCase):
    """Messages, compressed and not."""

    def setUp(self) -> None:
        """Alice and Bob compress, Carol does not."""
        super().setUp()
        self.alice, self.bob = (Client(self.server, uid, OFFER) for uid in ("alice", "bob"))
        self.carol = Client(self.server, "carol")
        self.everybody = self.alice, self.bob, self.carol

    def test_both_ways(self) -> None:
        """All that the server sends them is compressed, and right; so is what it understands."""
        for number in range(20):
            self.alice.say("bob", f"{number} " + "é" * number, is_compressed=True)
        self.assertEqual(self.bob.contents(), [f"{number} " + "é" * number for number in range(20)])
        acks = self.alice.take()
        self.assertEqual([ack["jsongle"]["description"]["mid"] for ack in acks][:2], ["0 ", "1 é"])
        self.assertEqual(set(self.alice.compressed) | set(self.bob.compressed), {True})

    def test_smaller(self) -> None:
        """The second message of a kind takes far fewer bytes: what was said before is remembered."""
        for content in ("x" * 1000, "y" + "x" * 999):
            self.alice.say("bob", content, is_compressed=True)
        self.bob.take()
        first, second = self.bob.sizes[-2:]
        self.assertLess(first, 400)
        self.assertLess(second, first / 2)

    def test_mixed(self) -> None:
        """A client may compress some of its messages, in any order, all in one read as well."""
        for number in range(9):
            self.alice.say("bob", str(number), is_compressed=number % 3 == 1)
        self.assertEqual(self.bob.contents(), [str(number) for number in range(9)])

    def test_fan_out(self) -> None:
        """Members of a room get the same, each in the way that was agreed on with them."""
        for client in self.everybody:
            client.send(
                {
                    "id": "j",
                    "to": "jsongle-server",
                    "jsongle": {"action": "iq-set", "query": "muc-join", "description": {"rid": "room"}},
                }
            )
        for client in self.everybody:
            client.take()
            client.compressed.clear()
        for speaker in self.everybody:
            speaker.say("room", "hello " * 50, is_compressed=speaker is not self.carol)
            listeners = [client for client in self.everybody if client is not speaker]
            self.assertEqual([client.contents() for client in listeners], [["hello " * 50]] * 2)
        self.assertEqual(set(self.alice.compressed), {True})
        self.assertEqual(set(self.carol.compressed), {False})

    def test_long_message(self) -> None:
        """A message may be as long as any other, counted as it is without compression."""
        room = MAX_SIZE - 200
        self.alice.say("bob", "x" * room, is_compressed=True)
        self.assertEqual([len(content) for content in self.bob.contents()], [room])


class RefusedTests(DeflateCase):
    """Messages that are not accepted."""

    def refused(self, send: Callable[[Client], None]) -> int:
        """The close code that sending something leads to; another client is served as ever."""
        bad, good = Client(self.server, "bad", OFFER), Client(self.server, "good", OFFER)
        send(bad)
        bad.take()
        good.say("good", "still there", is_compressed=True)
        self.assertEqual(len(good.take()), 1)
        self.assertEqual(self.flushLoggedErrors(), [])
        return bad.closed

    def test_bomb(self) -> None:
        """A few bytes that stand for very many are too many."""
        self.assertEqual(self.refused(lambda client: client.send_payload(b" " * 10_000_000, is_compressed=True)), 1009)

    def test_a_byte_too_long(self) -> None:
        """One byte over the limit is too many, too; the limit itself is not."""
        message = orjson.dumps({"jsongle": {"action": "x"}})
        for size, code in ((MAX_SIZE, 0), (MAX_SIZE + 1, 1009)):
            self.assertEqual(self.refused(partial(self.send_padded, message, size)), code)

    def send_padded(self, message: bytes, size: int, client: Client) -> None:
        """Has a client send a message of just that size."""
        client.send_payload(message.ljust(size), is_compressed=True)

    def test_garbage(self) -> None:
        """What cannot be decompressed is no payload."""
        garbage = masked_frame(TEXT | RSV1, b"\xff" * 20)
        self.assertEqual(self.refused(lambda client: client.wire.send(garbage)), 1007)

    def test_broken_text(self) -> None:
        """Text that is not UTF-8 is found when it is compressed, too."""
        self.assertEqual(self.refused(lambda client: client.send_payload(b"\xc0\x80", is_compressed=True)), 1007)
