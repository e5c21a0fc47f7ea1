"""What the doctor says of STUN and TURN servers; ``test_turn_coturn.py`` has a real one."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import doctor_ice_lines, doctor_turn, stun
from jsongle_server.config import Config
from jsongle_server.doctor_findings import Finding, Level
from jsongle_server.doctor_ice_lines import DatagramLine, IceUrl, Line, StreamLine, read_ice_url
from jsongle_server.doctor_subject import Subject, read_url
from jsongle_server.doctor_turn import check_given, check_ice
from jsongle_server.doctor_wire import Place, Wire
from jsongle_server.ice import turn_credentials
from jsongle_server.stun import Attribute, Kind, Message, Method, NotStun

SECRET: Final = "shared-secret"

URLS: Final = (
    ("stun:example.org", Place("example.org", 3478), True),
    ("stuns:example.org", Place("example.org", 5349, is_secure=True), False),
    ("turn:example.org:80", Place("example.org", 80), True),
    ("turn:example.org:80?transport=tcp", Place("example.org", 80), False),
    ("turn:[2001:db8::1]?transport=udp", Place("2001:db8::1", 3478), True),
    ("turns:[2001:db8::1]:443?transport=tcp", Place("2001:db8::1", 443, is_secure=True), False),
    ("turns:example.org?transport=udp", Place("example.org", 5349, is_secure=True), True),
)


class FakeTurn:
    """A TURN server in memory that is asked without a network.

    :param secret: what it makes the passwords from that it accepts.
    :param relay: the address of its relays, as an attribute has it.
    :param error: what it answers to credentials that are right.
    :param stale: how many nonces it calls stale before one is fresh.
    """

    def __init__(
        self,
        *,
        secret: str = SECRET,
        relay: bytes = b"",
        error: int | None = None,
        stale: int = 0,
        open_to_all: bool = False,
    ) -> None:
        self.secret = secret
        self.relay = relay
        self.error = error
        self.stale = stale
        self.open_to_all = open_to_all
        self.signs_with: bytes | None = None
        self.released = False

    def ask(self, request: bytes) -> bytes:
        """The answer to a request."""
        message = stun.decode(request)
        if message.method == Method.BINDING or self.open_to_all:
            return self._answer(message, Kind.SUCCESS)
        username = message.get(Attribute.USERNAME)
        if username is None:
            return self._refuse(message, 401)
        if self.stale:
            self.stale -= 1
            return self._refuse(message, 438)
        expires, _, uid = username.decode().partition(":")
        _, password = turn_credentials(self.secret, uid, expires=int(expires or 0))
        key = stun.long_term_key(username.decode(), "realm", password)
        if not stun.is_signed(request, key):
            return self._refuse(message, 401)
        if self.error is not None:
            return self._refuse(message, self.error)
        self.released |= message.method == Method.REFRESH and message.get(Attribute.LIFETIME) == bytes(4)
        return self._answer(message, Kind.SUCCESS, key=self.signs_with or key)

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, message: Message, kind: Kind, *, key: bytes | None = None) -> bytes:
        attribute = Attribute.XOR_MAPPED_ADDRESS if message.method == Method.BINDING else Attribute.XOR_RELAYED_ADDRESS
        attributes = ((attribute, self.relay),) if self.relay else ()
        return stun.encode(Message(message.method, kind, message.transaction, attributes), key=key, fingerprint=True)

    def _refuse(self, message: Message, code: int) -> bytes:
        error = (Attribute.ERROR_CODE, bytes((0, 0, code // 100, code % 100)))
        attributes = (error, (Attribute.REALM, b"realm"), (Attribute.NONCE, b"nonce"))
        return stun.encode(Message(message.method, Kind.ERROR, message.transaction, attributes))


def address(host: str) -> bytes:
    """An IPv4 address and port 9, as an attribute has it."""
    number = int.from_bytes(socket.inet_aton(host), "big") ^ 0x2112A442
    return b"\0\1" + (9 ^ 0x2112).to_bytes(2, "big") + number.to_bytes(4, "big")


class TurnTests(SynchronousTestCase):
    """What servers do, and what is said of it."""

    def check(self, server: FakeTurn, *urls: str, secret: str = SECRET) -> list[Finding]:
        """What is found where every address leads to one server."""
        self.patch(doctor_turn, "open_line", lambda url, seconds: server)
        stuns = tuple(url for url in urls if url.startswith("stun"))
        turns = tuple(url for url in urls if url.startswith("turn"))
        return list(check_ice(Subject(Config(stun_urls=stuns, turn_urls=turns, turn_secret=secret if turns else None))))

    def test_servers(self) -> None:
        """What a server does wrong is found, by what it is."""
        for server, level, seen, advice in (
            (FakeTurn(relay=address("9.9.9.9")), Level.OK, "takes the credentials, relays at 9.9.9.9", ""),
            (FakeTurn(relay=address("9.9.9.9"), stale=1), Level.OK, "takes the credentials", ""),
            (FakeTurn(stale=9), Level.PROBLEM, "gives no relay, with error 438", "log"),
            (
                FakeTurn(secret="another"),
                Level.PROBLEM,
                "refuses credentials made from turnSecret",
                "static-auth-secret",
            ),
            (FakeTurn(error=486), Level.PROBLEM, "gives no relay, with error 486", "quotas"),
            (FakeTurn(), Level.PROBLEM, "a relay without an address", "look at"),
            (FakeTurn(open_to_all=True), Level.PROBLEM, "relays for anybody", "use-auth-secret"),
            (FakeTurn(relay=address("10.0.0.1")), Level.WARNING, "relays at 10.0.0.1", "external-ip"),
        ):
            (finding,) = self.check(server, "turn:8.8.8.8")
            self.assertEqual((finding.check, finding.level), ("turn", level), finding)
            self.assertIn(seen, finding.seen)
            self.assertIn(advice, finding.advice)
            self.assertEqual(server.released, level in (Level.OK, Level.WARNING) or "without an address" in seen)
            self.assertNotIn(SECRET, str(finding))

    def test_private_relay_of_a_private_server(self) -> None:
        """Where the server itself is in a private network, so may its relays be; a name says nothing."""
        (private,) = self.check(FakeTurn(relay=address("10.0.0.1")), "turn:10.0.0.1")
        (named,) = self.check(FakeTurn(relay=address("10.0.0.1")), "turn:turn.example.org")
        self.assertEqual((private.level, named.level), (Level.OK, Level.WARNING))

    def test_unsigned_answers(self) -> None:
        """Whoever takes any credentials and cannot prove that it knows them is not the server."""
        server = FakeTurn(relay=address("9.9.9.9"))
        server.signs_with = b"another key"
        (finding,) = self.check(server, "turn:9.9.9.9")
        self.assertEqual(finding.level, Level.PROBLEM)
        self.assertIn("its answers are not signed", finding.seen)

    def test_no_reason(self) -> None:
        """An error without a code, and an answer without an address, are problems too."""
        request = Message(Method.BINDING, Kind.ERROR, bytes(12))
        server = FakeTurn()
        self.patch(server, "ask", lambda data: stun.encode(request))
        (turn, stun_finding) = reversed(self.check(server, "stun:a", "turn:a"))
        self.assertIn("gives no relay, without a reason", turn.seen)
        self.assertIn("refused, without a reason", stun_finding.seen)

    def test_stun(self) -> None:
        """A STUN server says where one is asked from; without TURN servers that is said, too."""
        missing, seen = self.check(FakeTurn(relay=address("198.51.100.7")), "stun:9.9.9.9")
        self.assertEqual((missing.level, seen.level), (Level.SKIPPED, Level.OK))
        self.assertIn("sees this machine at 198.51.100.7", seen.seen)

    def test_failures(self) -> None:
        """Servers that are not there, are something else, or have a bad certificate are problems; DTLS is left out."""
        untrusted = ssl.SSLCertVerificationError(1, "x")
        untrusted.verify_message = "certificate has expired"

        def failing(error: Exception) -> Callable[[IceUrl, float], FakeTurn]:
            def fail(url: IceUrl, seconds: float) -> FakeTurn:
                raise error

            return fail

        config = Config(turn_urls=("turn:a",), turn_secret=SECRET)
        for error, seen in (
            (TimeoutError(), "turn:a: no answer in time"),
            (ConnectionRefusedError(111, "Connection refused"), "turn:a: Connection refused"),
            (NotStun("no STUN message begins so"), "is no STUN or TURN server"),
            (untrusted, "browsers refuse its certificate: certificate has expired"),
        ):
            self.patch(doctor_turn, "open_line", failing(error))
            (finding,) = check_ice(Subject(config))
            self.assertEqual(finding.level, Level.PROBLEM)
            self.assertIn(seen, finding.seen)
        (finding,) = self.check(FakeTurn(), "turns:a?transport=udp")
        self.assertEqual(
            (finding.level, finding.seen), (Level.SKIPPED, "turns:a?transport=udp: the doctor does not speak DTLS")
        )

    def test_urls(self) -> None:
        """Addresses are read with the ports and transports that they imply."""
        for text, place, is_udp in URLS:
            self.assertEqual(read_ice_url(text), IceUrl(text, place, is_udp))


class GivenTests(SynchronousTestCase):
    """Servers that a server tells its clients of."""

    def check(self, given: object, **settings: Any) -> list[tuple[str, Level]]:
        """What is found, the same server being behind every address."""
        server = FakeTurn(relay=address("9.9.9.9"))
        self.patch(doctor_turn, "open_line", lambda url, seconds: server)
        return [(finding.check, finding.level) for finding in check_given(Subject(Config(**settings)), given)]

    def test_servers(self) -> None:
        """They are tried with the credentials that come along."""
        username, credential = turn_credentials(SECRET, "doctor", expires=1)
        turn = {"urls": ["turn:9.9.9.9", "turn:9.9.9.9?transport=tcp"], "username": username, "credential": credential}
        expected = [("stun", Level.OK), ("turn", Level.OK), ("turn", Level.OK)]
        self.assertEqual(self.check([{"urls": ["stun:9.9.9.9"]}, turn]), expected)
        self.assertEqual(self.check([{**turn, "credential": "wrong"}]), [("turn", Level.PROBLEM)] * 2)
        self.assertEqual(self.check([{"urls": ["turn:9.9.9.9"]}]), [("turn", Level.PROBLEM)])

    def test_no_turn_server(self) -> None:
        """Of a server elsewhere it is said that it names none, unless it does; of this machine nothing is."""
        subject = Subject(Config(), url=read_url("ws://127.0.0.1"))
        self.patch(doctor_turn, "open_line", lambda url, seconds: FakeTurn(relay=address("9.9.9.9")))
        self.assertEqual(list(check_ice(subject)), [])
        for given in (None, [], 7, [{"urls": ["stun:9.9.9.9"]}], [{"urls": 7}], ["turn:9.9.9.9"]):
            (none,) = [found for found in check_given(subject, given) if found.level is Level.SKIPPED]
            self.assertIn("tells clients of no TURN server", none.seen)
        named = check_given(subject, [{"urls": ["turn:9.9.9.9"]}])
        self.assertEqual([found for found in named if found.level is Level.SKIPPED], [])

    def test_settings_come_first(self) -> None:
        """Where the settings have servers, these are tried, and no others."""
        self.assertEqual(self.check([{"urls": ["stun:9.9.9.9"]}], stun_urls=("stun:9.9.9.8",)), [])

    def test_not_for_ever(self) -> None:
        """After a while no further one is tried, and what is left out is said."""
        now = [100.0]
        self.patch(time, "monotonic", lambda: now[0])
        allowed: list[float] = []

        def fail(url: IceUrl, seconds: float) -> Line:
            allowed.append(seconds)
            now[0] += seconds
            raise TimeoutError

        self.patch(doctor_turn, "open_line", fail)
        given = [{"urls": [f"stun:9.9.9.{number}"]} for number in range(8)]
        found = list(check_given(Subject(Config(), seconds=4.0), given))
        self.assertEqual(allowed, [4.0] * 7 + [2.0])
        now[0] = 100.0
        allowed.clear()
        found = list(check_given(Subject(Config(), seconds=7.0), given))
        self.assertEqual((allowed, found[-1].level), ([7.0] * 4 + [2.0], Level.SKIPPED))

    def test_nonsense(self) -> None:
        """Whatever a server says there, the doctor goes on, and not for ever."""
        nothing: tuple[object, ...] = (None, "stun:9.9.9.9", {}, 7, [])
        for given in nothing:
            self.assertEqual(self.check(given), [])
        odd: tuple[object, ...] = (
            {},
            {"urls": 7},
            {"urls": [7]},
            {"urls": ["http://9.9.9.9"]},
            {"urls": "stun:9.9.9.9"},
        )
        for server in (7, None, [], *odd):
            self.assertEqual(self.check([server]), [("turn", Level.PROBLEM)], server)
        many = [{"urls": [f"stun:9.9.9.9:{port}" for port in range(1, 100)]}] * 100
        self.assertEqual(len(self.check(many)), doctor_turn.MOST_GIVEN**2)


class LineTests(SynchronousTestCase):
    """The ways to a server, over pairs of sockets."""

    def pair(self, kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
        """Two ends of a connection."""
        ends = socket.socketpair(socket.AF_UNIX, kind)
        for end in ends:
            self.addCleanup(end.close)
        return ends

    def datagrams(self, seconds: float) -> tuple[DatagramLine, socket.socket]:
        """A line over UDP on the loopback interface, and its other end."""
        ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for end in ends:
            end.bind(("127.0.0.1", 0))
            self.addCleanup(end.close)
        for end, other in (ends, reversed(ends)):
            end.connect(other.getsockname())
        return DatagramLine(ends[0], seconds), ends[1]

    def test_datagrams(self) -> None:
        """Of what comes, the answer to the request counts."""
        request = stun.encode(Message(Method.BINDING, Kind.REQUEST, b"the request!"))
        other = stun.encode(Message(Method.BINDING, Kind.SUCCESS, b"another one!"))
        answer = stun.encode(Message(Method.BINDING, Kind.SUCCESS, b"the request!"))
        line, server = self.datagrams(5)
        for data in (b"", b"x", other, answer):
            server.send(data)
        self.assertEqual(line.ask(request), answer)
        self.assertEqual(server.recv(100), request)

    def test_datagrams_are_sent_again(self) -> None:
        """A request without an answer is sent again, until the time is over."""
        self.patch(doctor_ice_lines, "FIRST_WAIT", 0.02)
        line, server = self.datagrams(0.1)
        self.assertRaises(TimeoutError, line.ask, b"request")
        server.setblocking(False)
        self.assertEqual([server.recv(100) for _ in range(3)], [b"request"] * 3)

    def test_addresses_without_a_way(self) -> None:
        """Of the addresses of a name, the first that there is a way to is asked."""
        entry = (socket.AF_INET, socket.SOCK_DGRAM, 17, "")
        nowhere, here = (*entry, ("255.255.255.255", 9)), (*entry, ("127.0.0.1", 9))
        self.patch(doctor_ice_lines, "resolve", lambda *_: [nowhere, here])
        DatagramLine.open(Place("a", 9), 1).close()
        for addresses in ([nowhere], []):
            self.patch(doctor_ice_lines, "resolve", lambda *_, found=addresses: found)
            self.assertRaises(OSError, DatagramLine.open, Place("a", 9), 1)

    def test_lines(self) -> None:
        """An address says whether it is spoken to over UDP, TCP or TLS, which must be that of somebody trusted."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            place = f"127.0.0.1:{server.getsockname()[1]}"
            for text, kind in ((f"turn:{place}", DatagramLine), (f"turn:{place}?transport=tcp", StreamLine)):
                line = doctor_ice_lines.open_line(read_ice_url(text), 1)
                self.assertIsInstance(line, kind)
                line.close()
            secured: list[str] = []

            def secure(wire: Wire, context: ssl.SSLContext, host: str) -> None:
                secured.append(host)
                self.assertTrue(context.check_hostname)
                if len(secured) > 1:
                    raise ConnectionResetError

            self.patch(Wire, "secure", secure)
            doctor_ice_lines.open_line(read_ice_url(f"turns:{place}"), 1).close()
            self.assertRaises(ConnectionResetError, doctor_ice_lines.open_line, read_ice_url(f"turns:{place}"), 1)
            self.assertEqual(secured, ["127.0.0.1"] * 2)

    def test_stream(self) -> None:
        """Messages are told apart by their length, however they come."""
        mine, theirs = self.pair(socket.SOCK_STREAM)
        line = StreamLine(Wire(mine, 5))
        answers = [stun.encode(Message(Method.BINDING, Kind.SUCCESS, bytes(12)), fingerprint=True) for _ in range(2)]
        theirs.sendall(b"".join(answers))
        self.assertEqual([line.ask(b"one"), line.ask(b"two")], answers)
        self.assertEqual(theirs.recv(100), b"onetwo")
        line.close()

    def test_stream_ends(self) -> None:
        """A server that hangs up, or speaks something else, is said to."""
        for sent, error in (
            (b"", ConnectionResetError),
            (bytes(10), ConnectionResetError),
            (b"HTTP/1.1 400 Bad Request", NotStun),
        ):
            mine, theirs = self.pair(socket.SOCK_STREAM)
            theirs.sendall(sent)
            theirs.shutdown(socket.SHUT_WR)
            self.assertRaises(error, StreamLine(Wire(mine, 5)).ask, b"request")
