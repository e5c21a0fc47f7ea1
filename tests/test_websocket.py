"""Frames, pings and closes of one connection (protocol section 1, RFC 6455)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.testing_websocket import HANDSHAKE, WebSocketMemoryServer, WireClient, masked_frame
from jsongle_server.vocabulary import CloseCode
from jsongle_server.websocket import CLOSE_TIMEOUT

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

PING_QUERY = b'{"to":"jsongle-server","jsongle":{"action":"iq-get","query":"ping","transaction":"t"}}'


class ConnectionCase(SynchronousTestCase):
    """A server with its real protocol, and clients that send frames."""

    def setUp(self) -> None:
        """Starts a server."""
        self.server = WebSocketMemoryServer()

    def user(self, uid: str = "alice") -> WireClient:
        """A client that has said hello."""
        client = self.server.connect()
        client.hello(uid)
        return client

    def closed_with(self, client: WireClient) -> int:
        """The code of the close frame that came, after what else came."""
        client.take()
        assert client.closed is not None, "no close frame came"
        return client.closed[0]

    def is_cut(self, client: WireClient) -> bool:
        """Whether the TCP connection is gone."""
        self.server.clock.advance(0)
        return client.wire.transport.lost is not None

    def assert_nothing_left(self) -> None:
        """No connection, session or timer is left."""
        self.assertEqual(self.server.factory.connections, set())
        self.assertEqual(self.server.signaling.connection_count, 0)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class FrameTests(ConnectionCase):
    """How messages may arrive."""

    def assert_answered(self, client: WireClient, times: int = 1) -> None:
        """That many pings of ours were answered, and nothing else came."""
        self.assertEqual([message["jsongle"]["action"] for message in client.take()], ["iq-result"] * times)

    def test_greeting_comes_first(self) -> None:
        """The server's hello is the first frame, at once."""
        client = self.server.connect()
        self.assertEqual(client.take_one()["jsongle"]["query"], "session-hello")

    def test_fragments(self) -> None:
        """A message may come in fragments, of which some are empty."""
        client = self.user()
        client.wire.send_frame(TEXT, PING_QUERY[:10], fin=False)
        client.wire.send_frame(CONTINUATION, b"", fin=False)
        client.wire.send_frame(CONTINUATION, PING_QUERY[10:40], fin=False)
        client.wire.send_frame(CONTINUATION, PING_QUERY[40:])
        self.assert_answered(client)

    def test_fragments_within_a_character(self) -> None:
        """Fragments may part a character of several bytes."""
        payload = PING_QUERY.replace(b'"t"', '"héllo"'.encode())
        cut = payload.index("é".encode()) + 1
        client = self.user()
        client.wire.send_frame(TEXT, payload[:cut], fin=False)
        client.wire.send_frame(CONTINUATION, payload[cut:])
        self.assertEqual(client.take_one()["jsongle"]["transaction"], "héllo")

    def test_control_frames_between_fragments(self) -> None:
        """A ping between fragments is answered at once and disturbs nothing."""
        client = self.user()
        client.wire.send_frame(TEXT, PING_QUERY[:10], fin=False)
        client.wire.send_frame(PING, b"now")
        self.assertEqual(client.wire.read_frames(), [(PONG, b"now")])
        client.wire.send_frame(PONG)
        client.wire.send_frame(CONTINUATION, PING_QUERY[10:])
        self.assert_answered(client)

    def test_several_frames_in_one_read(self) -> None:
        """Frames that come together are handled one after the other."""
        client = self.user()
        client.wire.send(masked_frame(TEXT, PING_QUERY) * 3)
        self.assert_answered(client, times=3)

    def test_one_frame_in_many_reads(self) -> None:
        """A frame may come byte by byte."""
        client = self.user()
        frame = masked_frame(TEXT, PING_QUERY)
        for position in range(len(frame)):
            client.wire.send(frame[position : position + 1])
        self.assert_answered(client)

    def test_frame_with_the_handshake(self) -> None:
        """A frame that a hasty client sends along with its handshake is handled after the greeting."""
        wire = self.server.open_wire()
        wire.send("\r\n".join((*HANDSHAKE, "", "")).encode() + masked_frame(PING, b"early"))
        frames = wire.read_rest().partition(b"\r\n\r\n")[2]
        self.assertTrue(frames.startswith(b"\x81"))
        self.assertTrue(frames.endswith(b"\x8a\x05early"))

    def test_ping_payload_is_echoed(self) -> None:
        """A client's ping is answered with its payload (RFC 6455 section 5.5.3)."""
        client = self.user()
        for payload in (b"", b"x" * 125, b"\xff\x00"):
            client.wire.send_frame(PING, payload)
            self.assertEqual(client.wire.read_frames(), [(PONG, payload)])

    def test_nagle_is_off(self) -> None:
        """Small messages leave at once."""
        self.assertTrue(self.server.connect().wire.transport.no_delay)


class SizeTests(ConnectionCase):
    """How large messages may be."""

    def setUp(self) -> None:
        """Starts a server that takes little."""
        self.server = WebSocketMemoryServer(max_message_size=1024)

    def message(self, size: int) -> bytes:
        """A message to nobody of that many bytes."""
        return PING_QUERY[:-1] + b" " * (size - len(PING_QUERY)) + b"}"

    def test_at_the_limit(self) -> None:
        """A message of exactly ``maxMessageSize`` bytes passes, whole or in fragments."""
        client = self.user()
        client.wire.send_frame(TEXT, self.message(1024))
        client.wire.send_frame(TEXT, self.message(1024)[:1000], fin=False)
        client.wire.send_frame(CONTINUATION, self.message(1024)[1000:])
        self.assertEqual([message["jsongle"]["action"] for message in client.take()], ["iq-result"] * 2)

    def test_above_the_limit(self) -> None:
        """One byte more closes with 1009."""
        client = self.user()
        client.wire.send_frame(TEXT, self.message(1025))
        self.assertEqual(self.closed_with(client), 1009)

    def test_fragments_above_the_limit(self) -> None:
        """Fragments are counted together."""
        client = self.user()
        client.wire.send_frame(TEXT, self.message(1025)[:600], fin=False)
        client.wire.send_frame(CONTINUATION, self.message(1025)[600:])
        self.assertEqual(self.closed_with(client), 1009)

    def test_refused_before_it_arrives(self) -> None:
        """A length that is too large closes at once: nothing of the message is waited for or kept."""
        client = self.user()
        client.wire.send(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask")
        self.assertEqual(self.closed_with(client), 1009)
        client.wire.send(b"x" * 100_000)
        self.assertEqual(client.wire.protocol.data, b"")

    def test_empty_fragments_are_not_collected(self) -> None:
        """Fragments without content, which no limit on sizes counts, take no memory."""
        client = self.user()
        client.wire.send_frame(TEXT, b"", fin=False)
        client.wire.send(masked_frame(CONTINUATION, b"", fin=False) * 1000)
        self.assertEqual(client.wire.protocol.message_data, [])

    def test_sent_messages_have_no_limit(self) -> None:
        """The limit is on what clients send: a long list of members arrives whole."""
        members = [self.user(f"user-{number}") for number in range(40)]
        for member in members:
            member.join("room", dn="x" * 100)
            member.take()
        late = self.user("late")
        self.assertEqual(len(late.join("room")), 40)


class RefusedFrameTests(ConnectionCase):
    """Frames that end the connection."""

    def assert_closes(self, data: bytes, code: int) -> None:
        """Some bytes close the connection with a code, and end the session at once."""
        client = self.user()
        client.wire.send(data)
        self.assertEqual(self.closed_with(client), code)
        self.assertEqual(self.server.signaling.sessions(), [])
        client.wire.send_frame(CLOSE, code.to_bytes(2, "big"))
        self.assertTrue(self.is_cut(client))
        self.assert_nothing_left()

    def test_binary(self) -> None:
        """Binary frames: 1003, in fragments too."""
        self.assert_closes(masked_frame(BINARY, b"{}"), 1003)
        self.assert_closes(masked_frame(BINARY, b"{", fin=False) + masked_frame(CONTINUATION, b"}"), 1003)

    def test_not_utf8(self) -> None:
        """Text that is not UTF-8: 1007, also when a character is cut off by the end of the message."""
        for payload in (b'"\xff"', b'"\xc3', b'"\xed\xa0\x80"', b'"\xc0\xaf"'):
            with self.subTest(payload):
                self.assert_closes(masked_frame(TEXT, payload), 1007)

    def test_protocol_violations(self) -> None:
        """What RFC 6455 forbids: 1002."""
        violations = {
            "unmasked": b"\x81\x02{}",
            "reserved bit": b"\xc1\x80mask",
            "reserved data opcode": masked_frame(3, b"{}"),
            "reserved control opcode": masked_frame(11, b""),
            "continuation of nothing": masked_frame(CONTINUATION, b"{}"),
            "message within a message": masked_frame(TEXT, b"{", fin=False) + masked_frame(TEXT, b"{}"),
            "ping in fragments": masked_frame(PING, b"", fin=False),
            "long ping": masked_frame(PING, b"x" * 126),
            "length not minimal": b"\x81\xfe\x00\x02mask",
            "close of one byte": masked_frame(CLOSE, b"\x03"),
            "close code that nobody may send": masked_frame(CLOSE, (1005).to_bytes(2, "big")),
        }
        for name, data in violations.items():
            with self.subTest(name):
                client = self.user()
                client.wire.send(data)
                self.assertEqual(self.closed_with(client), 1002, name)

    def test_twenty_frames_of_no_json(self) -> None:
        """Twenty frames that are not JSON within a minute: 1008; the nineteen before are answered."""
        client = self.user()
        for _ in range(19):
            client.send_bytes(b"nonsense")
        self.assertEqual([message["jsongle"]["description"]["errorCode"] for message in client.take()], [400003] * 19)
        self.assertIsNone(client.closed)
        client.send_bytes(b"nonsense")
        self.assertEqual(self.closed_with(client), 1008)

    def test_slow_nonsense(self) -> None:
        """Not JSON now and then is answered for as long as it goes on."""
        client = self.user()
        for _ in range(100):
            client.send_bytes(b"nonsense")
            self.server.clock.advance(4)
        client.take()
        self.assertIsNone(client.closed)


class CloseTests(ConnectionCase):
    """The closing handshake, begun by either side."""

    def test_client_closes(self) -> None:
        """A client's close frame is answered, and the connection ends."""
        client = self.user()
        client.wire.send_frame(CLOSE, b"\x03\xe8bye")
        self.assertEqual(self.closed_with(client), 1000)
        self.assertTrue(self.is_cut(client))
        self.assert_nothing_left()

    def test_client_closes_without_code(self) -> None:
        """A close frame may be empty."""
        client = self.user()
        client.wire.send_frame(CLOSE)
        self.assertEqual(self.closed_with(client), 1000)
        self.assertTrue(self.is_cut(client))

    def test_left_at_the_close_frame(self) -> None:
        """Others learn of it with the close frame, not once the connection is torn down; and only once."""
        alice, bob = self.user("alice"), self.user("bob")
        alice.join("room")
        bob.join("room")
        bob.wire.transport.stalled = True
        alice.take()
        bob.wire.send_frame(CLOSE)
        self.assertEqual(alice.take_one()["jsongle"]["event"], "left")
        self.server.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.is_cut(bob))
        self.assertEqual(alice.take(), [])

    def test_frames_after_the_close_frame(self) -> None:
        """What a client sends behind its close frame is ignored."""
        alice, bob = self.user("alice"), self.user("bob")
        text = b'{"to":"bob","jsongle":{"action":"session-text","description":{}}}'
        alice.wire.send(masked_frame(CLOSE, b"") + masked_frame(TEXT, text))
        self.assertEqual(bob.take(), [])

    def test_frames_after_our_close_frame(self) -> None:
        """What a client still sends while the server closes is ignored, and nothing is sent to it."""
        alice, bob = self.user("alice"), self.user("bob")
        self.server.session_of(alice).close(CloseCode.ENDED_BY_ADMINISTRATOR, "enough", self.server.clock.seconds())
        alice.send_bytes(b'{"to":"bob","jsongle":{"action":"session-text","description":{}}}')
        alice.send_bytes(b"nonsense")
        alice.wire.send_frame(BINARY, b"")
        alice.wire.send_frame(PING, b"")
        self.assertEqual(bob.take(), [])
        self.assertEqual(alice.take(), [])
        self.assertEqual(alice.closed, (4004, "enough"))

    def test_server_closes(self) -> None:
        """The client answers the server's close frame, and the connection ends."""
        client = self.user()
        self.server.session_of(client).close(CloseCode.ENDED_BY_ADMINISTRATOR, "enough", self.server.clock.seconds())
        self.assertEqual(self.closed_with(client), 4004)
        self.assertFalse(self.is_cut(client))
        client.wire.send_frame(CLOSE, (4004).to_bytes(2, "big"))
        self.assertTrue(self.is_cut(client))
        self.assert_nothing_left()

    def test_client_never_answers(self) -> None:
        """A client that does not answer the close frame is cut after a while, whatever else it sends."""
        client = self.user()
        self.server.session_of(client).close(CloseCode.ENDED_BY_ADMINISTRATOR, "enough", self.server.clock.seconds())
        self.server.clock.advance(CLOSE_TIMEOUT - 0.1)
        client.wire.send_frame(PING)
        self.assertFalse(self.is_cut(client))
        self.server.clock.advance(0.1)
        self.assertTrue(self.is_cut(client))
        self.assert_nothing_left()

    def test_client_closes_and_never_reads(self) -> None:
        """A client that closes but does not read the answer is cut after a while."""
        client = self.user()
        client.wire.transport.stalled = True
        client.wire.send_frame(CLOSE)
        self.server.clock.advance(CLOSE_TIMEOUT - 0.1)
        self.assertFalse(self.is_cut(client))
        self.server.clock.advance(0.1)
        self.assertTrue(self.is_cut(client))
        self.assert_nothing_left()

    def test_long_reason(self) -> None:
        """A reason that does not fit into a close frame is shortened to one that does."""
        client = self.user()
        self.server.session_of(client).close(CloseCode.ENDED_BY_ADMINISTRATOR, "é" * 100, self.server.clock.seconds())
        self.assertEqual(self.closed_with(client), 4004)

    def test_connection_lost(self) -> None:
        """A connection that just ends takes everything along."""
        client = self.user()
        self.server.drop(client)
        self.assert_nothing_left()
