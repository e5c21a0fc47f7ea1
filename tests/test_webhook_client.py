"""Tests of :mod:`jsongle_server.webhook_client`: one webhook over HTTP."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from treq.testing import RequestTraversalAgent
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http import Request as ServerRequest
from twisted.web.resource import Resource
from twisted.web.server import Site

from jsongle_server import __version__
from jsongle_server.http_pool import KeptConnectionLost
from jsongle_server.webhook_client import KEPT_TIME, MAX_ANSWER, MAX_CONNECTIONS, TRY_TIME, WebhookClient
from jsongle_server.webhook_retries import Answer
from tests.webhook_support import URL, Receiver, Response

DAY: Final = timedelta(days=1)


class Application(Resource):
    """Answers as the test wants it to.

    :ivar status: the status.
    :ivar headers: headers of the answer.
    :ivar raw_headers: more of them, of any bytes.
    :ivar body: its body.
    :ivar seen: the request that came, as far as it matters.
    :ivar ports: the ports that requests came from.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.raw_headers: dict[bytes, list[bytes]] = {}
        self.body = b"thanks"
        self.seen: dict[str, Any] = {}
        self.ports: list[int] = []

    def render_POST(self, request: ServerRequest) -> bytes:
        """Notes a request and answers it."""
        headers = {
            name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()
        }
        assert request.content is not None
        self.seen = {"uri": request.uri, "headers": headers, "body": request.content.read()}
        self.ports.append(getattr(request.getClientAddress(), "port", 0))
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        for raw_name, values in self.raw_headers.items():
            request.responseHeaders.setRawHeaders(raw_name, values)
        return self.body


class HttpTests(SynchronousTestCase):
    """Over HTTP, as Twisted speaks it."""

    def setUp(self) -> None:
        """Has an application answer."""
        self.application = Application()
        self.agent = RequestTraversalAgent(self.application)
        self.client = WebhookClient(Clock(), agent=self.agent)

    def post(self, body: bytes = b"{}") -> Answer:
        """Sends a webhook."""
        posting = Deferred.fromCoroutine(self.client.post("http://a.example/hooks?x=1", {"webhook-id": "m-1"}, body))
        self.agent.flush()
        return self.successResultOf(posting)

    def test_request(self) -> None:
        """It is a POST of JSON to the address, with its query, and says who sends it."""
        self.post(b'{"a": 1}')
        seen = self.application.seen
        self.assertEqual((seen["uri"], seen["body"]), (b"/hooks?x=1", b'{"a": 1}'))
        expected = {
            "content-type": "application/json",
            "content-length": "8",
            "user-agent": f"JSONgle-Server/{__version__}",
            "webhook-id": "m-1",
            "host": "a.example",
        }
        self.assertEqual({name: seen["headers"].get(name) for name in expected}, expected)

    def test_answer(self) -> None:
        """The answer is its status."""
        for status in (200, 204, 404, 503):
            self.application.status = status
            self.assertEqual(self.post(), Answer(status, reason=f"HTTP {status}"))

    def test_redirect(self) -> None:
        """A redirect is an answer, and not followed: what is sent is for one receiver."""
        self.application.status = 307
        self.application.headers = {"location": "http://b.example/"}
        self.assertEqual(self.post().status, 307)
        self.assertEqual(self.application.seen["headers"]["host"], "a.example")

    def test_retry_after(self) -> None:
        """When to come again is passed on as it came."""
        self.application.status = 429
        self.application.headers = {"retry-after": "17"}
        self.assertEqual(self.post().retry_after, "17")

    def test_odd_retry_after(self) -> None:
        """Whatever bytes it has, and however many there are of it, the answer is one."""
        self.application.status = 503
        for value in (b"\xff", b"", b"9" * 5000, b"\xc3\xa9, \x01"):
            self.application.raw_headers = {b"retry-after": [value, b"7"]}
            answer = self.post()
            self.assertEqual((answer.status, answer.retry_after), (503, value.decode("latin-1")))
            self.assertLessEqual(answer.pause(0.0), 300)

    def test_large_answer(self) -> None:
        """Of a large body no more than a little is read; the answer counts all the same."""
        self.application.body = b"x" * (MAX_ANSWER * 50)
        self.assertEqual(self.post().status, 200)


class LimitTests(SynchronousTestCase):
    """What a receiver can do to be waited for, and how it can fail."""

    def setUp(self) -> None:
        """Sends a webhook to a receiver that the test plays."""
        self.clock = Clock()
        self.receiver = Receiver()
        self.client = WebhookClient(self.clock, agent=self.receiver)
        self.posting = Deferred.fromCoroutine(self.client.post(URL, {}, b"{}"))
        self.request = self.receiver.take_one()

    def assertFailed(self, reason: str) -> None:
        """There is no answer, for this reason; and nothing is waited for any more."""
        self.assertEqual(self.successResultOf(self.posting), Answer(None, reason=reason))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_answer(self) -> None:
        """A receiver that says nothing is given up."""
        self.clock.advance(TRY_TIME - 0.1)
        self.assertNoResult(self.posting)
        self.clock.advance(0.1)
        self.assertTrue(self.request.given_up)
        self.assertFailed("no answer in 10 seconds")

    def test_endless_answer(self) -> None:
        """One whose answer does not end is given up when the time is over; its status counts."""
        response = Response(200, ends=False)
        self.clock.advance(TRY_TIME - 1)
        self.request.waiting.callback(response)
        transport = StringTransport()
        assert response.sink is not None
        response.sink.makeConnection(transport)
        self.clock.advance(0.9)
        self.assertNoResult(self.posting)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(self.posting).status, 200)
        self.assertTrue(transport.disconnecting)
        response.sink.connectionLost(Failure(ConnectionRefusedError()))

    def test_long_answer(self) -> None:
        """One that says too much is hung up on."""
        response = Response(200, ends=False)
        self.request.waiting.callback(response)
        transport = StringTransport()
        assert response.sink is not None
        response.sink.makeConnection(transport)
        response.sink.dataReceived(b"x" * MAX_ANSWER)
        self.assertFalse(transport.disconnecting)
        response.sink.dataReceived(b"x")
        self.assertTrue(transport.disconnecting)
        response.sink.connectionLost()
        self.assertEqual(self.successResultOf(self.posting).status, 200)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """Why there is no connection is said."""
        self.request.refuse()
        self.assertFailed("ConnectionRefusedError: Connection was refused by other side.")

    def test_cause(self) -> None:
        """Of what Twisted wraps up, the cause is said, in one short line."""
        cause = Failure(ValueError("one\ntwo" + "x" * 500))
        self.request.waiting.errback(ResponseFailed([cause]))
        reason = self.successResultOf(self.posting).reason
        self.assertTrue(reason.startswith("ValueError: one\\ntwoxxx"), reason)
        self.assertEqual(len(reason), 200)

    def test_hung_up(self) -> None:
        """A receiver that ends a kept connection without a word is asked again at once: it may not have seen why."""
        for cause in (ConnectionDone(), ConnectionLost()):
            self.setUp()
            self.clock.advance(4)
            self.request.waiting.errback(KeptConnectionLost([Failure(cause)]))
            self.assertNoResult(self.posting)
            self.receiver.take_one().answer(204)
            self.assertEqual(self.successResultOf(self.posting).status, 204)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_hung_up_again(self) -> None:
        """It is asked again once, and within the same time."""
        self.clock.advance(4)
        hung_up = KeptConnectionLost([Failure(ConnectionLost())])
        self.request.waiting.errback(hung_up)
        self.receiver.take_one().waiting.errback(hung_up)
        self.assertFailed("ConnectionLost: Connection to the other side was lost in a non-clean fashion.")
        self.posting = Deferred.fromCoroutine(self.client.post(URL, {}, b"{}"))
        self.clock.advance(4)
        self.receiver.take_one().waiting.errback(hung_up)
        self.clock.advance(TRY_TIME - 4)
        self.assertFailed("no answer in 10 seconds")

    def test_hung_up_at_once(self) -> None:
        """A new connection that is hung up on is a failure like any other."""
        self.request.waiting.errback(ResponseNeverReceived([Failure(ConnectionLost())]))
        self.assertFailed("ConnectionLost: Connection to the other side was lost in a non-clean fashion.")
        self.assertEqual(self.receiver.take(), [])

    def test_given_up(self) -> None:
        """A connection that we have ended ourselves is no reason to ask again."""
        self.request.waiting.errback(ResponseNeverReceived([Failure(CancelledError())]))
        self.assertFailed("CancelledError: ")
        self.assertEqual(self.receiver.take(), [])

    def test_cancel(self) -> None:
        """It can be given up while it waits for the answer, and while it waits for its end."""
        self.posting.cancel()
        self.assertTrue(self.request.given_up)
        self.assertFailed("CancelledError: ")
        again = Deferred.fromCoroutine(self.client.post(URL, {}, b"{}"))
        self.receiver.take_one().waiting.callback(Response(200, ends=False))
        again.cancel()
        self.assertEqual(self.successResultOf(again).status, 200)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ConnectionTests(SynchronousTestCase):
    """The connections underneath."""

    def test_kept(self) -> None:
        """Connections are kept for a few seconds, no more of them than are used, and closed in the end."""
        client = WebhookClient(MemoryReactorClock())
        pool = client._pool
        self.assertEqual((pool.persistent, pool.maxPersistentPerHost), (True, MAX_CONNECTIONS))
        self.assertEqual(pool.cachedConnectionTimeout, KEPT_TIME)
        self.assertIsNone(self.successResultOf(client.close()))


class TlsTests(TestCase):
    """``https``, over real sockets of this machine."""

    timeout = 60

    def setUp(self) -> None:
        """Has a receiver with a certificate of its own making."""
        self.serve(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]))

    def serve(self, names: x509.SubjectAlternativeName | None) -> None:
        """Has a receiver whose certificate has these names, or none but that of its subject."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - DAY, now + DAY)
        certificate = (builder.add_extension(names, critical=False) if names else builder).sign(key, SHA256())
        self.certificate = Path(self.mktemp()).absolute()
        self.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        both = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + self.certificate.read_bytes()
        self.application = Application()
        site = Site(self.application, reactor=reactor)
        options = PrivateCertificate.loadPEM(both).options()
        self.port = cast(Any, reactor).listenSSL(0, site, options, interface="127.0.0.1")
        self.addCleanup(self.port.stopListening)

    async def post(self, *, times: int = 1) -> Answer:
        """Sends it webhooks, one after another; the answer to the last."""
        client = WebhookClient(reactor)
        for _ in range(times):
            answer = await client.post(f"https://127.0.0.1:{self.port.getHost().port}/", {}, b"{}")
        await client.close()
        return answer

    def trust(self) -> None:
        """Has OpenSSL know the certificate."""
        os.putenv("SSL_CERT_FILE", str(self.certificate))
        self.addCleanup(os.unsetenv, "SSL_CERT_FILE")

    async def test_unknown(self) -> None:
        """A certificate that nobody has vouched for is no receiver's."""
        answer = await self.post()
        self.assertIsNone(answer.status)
        self.assertIn("certificate verify failed", answer.reason)

    async def test_known(self) -> None:
        """One that OpenSSL knows, here by ``SSL_CERT_FILE``, is."""
        self.trust()
        self.assertEqual((await self.post()).status, 200)

    async def test_of_another(self) -> None:
        """One that is trusted but names another, or nobody, is no receiver's; that is no traceback."""
        for names in (x509.SubjectAlternativeName([x509.DNSName("a.example")]), None):
            self.serve(names)
            self.trust()
            self.assertIsNone((await self.post()).status)
            self.assertEqual(self.application.ports, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    async def test_connection_is_kept(self) -> None:
        """What follows goes over the same connection."""
        self.trust()
        await self.post(times=3)
        self.assertEqual((len(self.application.ports), len(set(self.application.ports))), (3, 1))
