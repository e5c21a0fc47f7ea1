"""The server's talk with itself: a whole call in memory, each step of it checked (``GET /tests``).

Owns the steps, in the order of a call, and the score. It runs on a signaling service, a registry of metrics and a clock
of its own, so that it neither sees nor changes what the server is doing. Layer 3: knows no reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted.logger import Logger, LogLevel

from jsongle_server import __version__
from jsongle_server.config import Config
from jsongle_server.metrics import Metrics
from jsongle_server.selftest_client import Message, PacedClock, QuietSession, SelfTestClient, Unexpected
from jsongle_server.signaling import Signaling
from jsongle_server.vocabulary import Action, Event, Query, Reason, Status

RESULT_SECONDS: Final = 1.0
"""How long a result is good: however often somebody asks, the server talks to itself once in this time."""

_log: Final = Logger()
_SERVER: Final = "self-test-server"
_ROOM: Final = "self-test"
_OFFER: Final = {"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"}
_ANSWER: Final = {"type": "answer", "sdp": "v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\ns=-\r\n"}
_CANDIDATE: Final = {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}


@dataclass(frozen=True, slots=True)
class Result:
    """How the talk went.

    :param score: the share of the steps that did what they should, in percent, rounded down.
    :param execution_time: milliseconds that all of it took.
    :param failed: the names of the steps that did not.
    """

    score: int
    execution_time: float
    failed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The answer of ``GET /tests``; ``failed`` is only there where something has."""
        answer: dict[str, Any] = {"score": self.score, "executionTime": self.execution_time}
        if self.failed:
            answer["failed"] = list(self.failed)
        return answer


class SelfTest:
    """Talks to itself when it is asked, but not too often.

    :param config: the settings whose limits it goes by.
    :param now: gives the time, in seconds since the epoch.
    :param stopwatch: seconds on a clock that only serves to measure.
    """

    def __init__(self, config: Config, *, now: Callable[[], float], stopwatch: Callable[[], float]) -> None:
        self._config = config
        self._now = now
        self._stopwatch = stopwatch
        self._result: Result | None = None
        self._until = 0.0

    def result(self) -> Result:
        """The latest result, of a run of now or of up to :data:`RESULT_SECONDS` ago."""
        now = self._stopwatch()
        if self._result is None or now >= self._until:
            self._result = talk(self._config, now=self._now(), stopwatch=self._stopwatch)
            self._until = now + RESULT_SECONDS
        return self._result


def talk(config: Config, *, now: float, stopwatch: Callable[[], float]) -> Result:
    """Plays a call from hello to leave.

    :param config: the settings whose limits it goes by, rates left out. Its tokens are not asked for, and nobody is
        told of the call.
    :param now: seconds since the epoch.
    :param stopwatch: seconds on a clock that only serves to measure.
    """
    began = stopwatch()
    play = _Play(config, now)
    steps = list(play.steps())
    failed = tuple(name for name, step in steps if not _goes_well(play, step))
    score = 100 * (len(steps) - len(failed)) // len(steps)
    return Result(score, round((stopwatch() - began) * 1000, 3), failed)


def _goes_well(play: _Play, step: Callable[[], None]) -> bool:
    """Whether a step does what it should, and nobody is sent anything besides."""
    try:
        step()
        return not play.forget_the_rest()
    except (Unexpected, KeyError, TypeError):
        # A message of another shape than it should have is as wrong as one that does not come.
        play.forget_the_rest()
        return False
    except Exception:  # a fault of the server fails its step, and not the others
        _log.failure("a step of the self-test failed", level=LogLevel.error)
        play.forget_the_rest()
        return False


class _Play:
    """The two who talk, and each step of it.

    :param now: seconds since the epoch.
    """

    def __init__(self, config: Config, now: float) -> None:
        self._clock = PacedClock(now, 1.0)
        # Nobody here is too fast, and nobody may have the name of the server.
        opened = replace(
            config,
            id=_SERVER,
            app_token=None,
            jwt_key=None,
            jwks_url=None,
            jwks_path=None,
            jwt_algorithms=(),
            rate_limit=0.0,
            candidate_rate=0.0,
        )
        metrics = Metrics(__version__)
        self._signaling = Signaling(opened, metrics, clock=self._clock, session_type=QuietSession)
        self._alice = SelfTestClient(self._signaling, self._clock, "self-test-alice")
        self._bob = SelfTestClient(self._signaling, self._clock, "self-test-bob")
        self._call: dict[str, str] = {}
        self._token = ""
        self._seen = 0

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The names of the steps and what they do, in the order of a call."""
        yield "hello", self._say_hello
        yield "join", self._join
        yield "propose", self._propose
        yield "ringing", lambda: self._answer(Action.SESSION_INFO, reason=Reason.RINGING)
        yield "proceed", lambda: self._answer(Action.SESSION_PROCEED)
        yield "initiate", lambda: self._ask(Action.SESSION_INITIATE, description={"offer": _OFFER})
        yield "accept", lambda: self._answer(Action.SESSION_ACCEPT, description={"answer": _ANSWER})
        yield "candidates", self._exchange_candidates
        yield "active", lambda: self._ask(Action.SESSION_INFO, reason=Reason.ACTIVE)
        yield "text", self._write
        yield "resume", self._resume
        yield "terminate", lambda: self._ask(Action.SESSION_TERMINATE, reason="success")
        yield "leave", self._leave
        yield "end", self._end

    def forget_the_rest(self) -> bool:
        """Empties both inboxes; whether there was anything in them."""
        rest = [*self._alice.inbox, *self._bob.inbox]
        self._alice.inbox.clear()
        self._bob.inbox.clear()
        return bool(rest)

    def _say_hello(self) -> None:
        for client in (self._alice, self._bob):
            ack = client.hello(client.connect(), resume=True)["jsongle"]
            _expect(ack["status"] == Status.SUCCESS and ack["description"]["id"] == client.identity)
            self._token = self._token or ack["description"]["resume"]["token"]
        self._call = {"sid": "self-test", "initiator": self._alice.identity, "responder": self._bob.identity}

    def _join(self) -> None:
        _expect(self._ask_server(self._alice, Query.JOIN)["members"] == [])
        members = self._ask_server(self._bob, Query.JOIN)["members"]
        _expect([member["uid"] for member in members] == [self._alice.uid])
        event = self._hear(self._alice, Action.SESSION_EVENT)["jsongle"]
        _expect(event["event"] == Event.JOINED and event["description"]["member"]["id"] == self._bob.identity)

    def _propose(self) -> None:
        self._pass(self._alice, self._bob, Action.SESSION_PROPOSE, **self._call)
        trying = self._hear(self._alice, Action.SESSION_INFO)["jsongle"]
        _expect(trying["reason"] == Reason.TRYING and trying["sid"] == self._call["sid"])

    def _exchange_candidates(self) -> None:
        self._ask(Action.TRANSPORT_INFO, description={"candidate": _CANDIDATE})
        self._answer(Action.TRANSPORT_INFO, description={"candidate": _CANDIDATE})

    def _write(self) -> None:
        description = {"content": "Hello?"}
        mid = self._pass(self._alice, self._bob, Action.SESSION_TEXT, description=description)["id"]
        ack = self._hear(self._alice, Action.SESSION_EVENT)["jsongle"]
        _expect(ack["event"] == Event.ACK and ack["description"]["mid"] == mid)

    def _resume(self) -> None:
        self._alice.cut()
        mid = self._bob.say(self._alice.identity, Action.SESSION_CUSTOM, description={"missed": True})
        self._hear(self._bob, Action.SESSION_EVENT)
        back = {"token": self._token, "seq": self._seen}
        ack = self._alice.hello(self._alice.connect(), resume=back)["jsongle"]["description"]
        _expect(ack["resumed"] is True and ack["id"] == self._alice.identity)
        _expect(self._hear(self._alice, Action.SESSION_CUSTOM)["id"] == mid)

    def _leave(self) -> None:
        self._ask_server(self._bob, Query.LEAVE)
        event = self._hear(self._alice, Action.SESSION_EVENT)["jsongle"]
        _expect(event["event"] == Event.LEFT and event["description"]["member"]["id"] == self._bob.identity)
        self._ask_server(self._alice, Query.LEAVE)

    def _end(self) -> None:
        self._alice.cut()
        self._bob.cut()
        self._signaling.end_detached(self._clock.tick())
        _expect(not self._signaling.sessions() and not self._signaling.rooms.all() and not len(self._signaling.calls))

    def _ask(self, action: Action, **jsongle: Any) -> None:
        self._pass(self._alice, self._bob, action, **{**self._call, **jsongle})

    def _answer(self, action: Action, **jsongle: Any) -> None:
        self._pass(self._bob, self._alice, action, **{**self._call, **jsongle})

    def _pass(self, sender: SelfTestClient, recipient: SelfTestClient, action: Action, **jsongle: Any) -> Message:
        """A message goes from one to the other, and arrives as it was sent but for what the server adds."""
        mid = sender.say(recipient.identity, action, **jsongle)
        message = self._hear(recipient, action)
        got = message["jsongle"]
        _expect((message["id"], message["from"], message["to"]) == (mid, sender.identity, recipient.identity))
        _expect(all(got[key] == value for key, value in jsongle.items() if key != "description"))
        _expect(jsongle.get("description", {}).items() <= got.get("description", {}).items())
        _expect(action == Action.SESSION_PROPOSE or "relayed" in got["description"])
        return message

    def _ask_server(self, client: SelfTestClient, query: Query) -> Message:
        """A query about the room; the description of its result."""
        client.say(_SERVER, Action.IQ_SET, query=query, transaction=query, description={"rid": _ROOM})
        result = self._hear(client, Action.IQ_RESULT)["jsongle"]
        _expect(result["transaction"] == query and result["description"]["rid"] == _ROOM)
        description: Message = result["description"]
        return description

    def _hear(self, client: SelfTestClient, action: Action) -> Message:
        """The next message that a client gets; Alice counts hers, to come back for what she misses."""
        message = client.take(action)
        if client is self._alice:
            self._seen = message["seq"]
        return message


def _expect(holds: bool) -> None:
    """Makes a step fail.

    :raises Unexpected: it does not hold.
    """
    if not holds:
        raise Unexpected("something else than it should be")
