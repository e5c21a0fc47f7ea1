"""A quarter of an hour that a server has not lived through, for pictures of a dashboard with something on it.

Everything else on the page is the server's own: only what it remembers of the time before is another.
"""

from __future__ import annotations

import math
import time
from typing import Final

import orjson

from jsongle_server.history import INTERVAL, MAX_SAMPLES, Sample
from jsongle_server.messages import timestamp

_MIB: Final = 1024 * 1024

_ERRORS: Final[dict[int, dict[str, int]]] = {
    **{key: {"404002": 1} for key in (96, 171, 233, 290, 388)},
    **{key: {"403001": 1, "404002": 2} for key in (160, 263, 268)},
    **{key: {"429001": 1} for key in (204, 206, 209, 305)},
}
"""What was refused, by the number of the sample."""

_SCRIPT: Final = """
((samples) => {
    const original = globalThis.fetch;
    const end = "\\n\\n";
    const replaced = /^event: history$/m;
    const remember = (block) => {
        if (!replaced.test(block)) { return block; }
        const history = JSON.parse(block.slice(block.indexOf("data: ") + 6));
        return `event: history\\ndata: ${JSON.stringify({ ...history, samples: [...samples, ...history.samples] })}`;
    };
    const rewrite = () => {
        let rest = "";
        return new TransformStream({
            transform(chunk, out) {
                const blocks = (rest + chunk).split(end);
                rest = blocks.pop();
                blocks.forEach((block) => out.enqueue(remember(block) + end));
            },
        });
    };
    globalThis.fetch = async (address, ...options) => {
        const response = await original(address, ...options);
        if (!response.headers.get("content-type")?.startsWith("text/event-stream")) { return response; }
        const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(rewrite());
        return new Response(body.pipeThrough(new TextEncoderStream()), { headers: response.headers });
    };
})
"""


def remembering(seconds: float) -> str:
    """A script, to run before those of the page, that gives the server a past.

    :param seconds: how long it has really been up: its own samples of them come after the others.
    """
    ends = time.time() - seconds
    samples = [_sample(ends, index) for index in range(MAX_SAMPLES)]
    return f"({_SCRIPT})({orjson.dumps(samples).decode()})"


def _sample(ends: float, index: int) -> Sample:
    """One of the samples: a morning on which people come, call each other, and go."""
    done = index / MAX_SAMPLES
    busy = math.sin(math.pi * done) ** 2
    wave = math.sin(index / 9) + math.sin(index / 23 + 1)
    people = 5 + round(busy * (8 + wave))
    received = round(4 + busy * (26 + 6 * wave), 1)
    return Sample(
        at=timestamp(ends - (MAX_SAMPLES - index) * INTERVAL),
        connections=people,
        sessions={"awaiting_hello": 0, "identified": people - (index % 97 < 12), "detached": int(index % 97 < 12)},
        rooms=2 + round(busy * 4),
        calls=round(busy * (3 + wave / 2)),
        received=received,
        sent=round(received * 2.2, 1),
        errors=_ERRORS.get(index, {}),
        relay={"p50": 8e-5 + 1e-5 * wave, "p99": 2.4e-4 + 8e-5 * busy + 3e-5 * wave},
        memory=round((65 + 3 * done + busy) * _MIB),
    )
