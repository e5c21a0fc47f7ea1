"""One measurement of one server: ``python -m benchmarks.load SHAPE --port N --pid N``. Prints it as JSON."""

from __future__ import annotations

import argparse
import gc
import sys
from dataclasses import asdict

import orjson

from benchmarks.load.check import check_server
from benchmarks.load.frames import WrongFrame
from benchmarks.load.opening import WIRES, Refused, Target
from benchmarks.load.shapes import SHAPES
from benchmarks.load.sockets import Closed, Stalled


def main() -> int:
    """Measures; the exit status is 1 where the server has failed, which stderr explains."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--port", type=int, required=True, help="where the server listens")
    parser.add_argument("--pid", type=int, required=True, help="its process")
    parser.add_argument("--wire", choices=WIRES, default=WIRES[0], help="what it speaks")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long it is measured")
    parser.add_argument("--warm-up", type=float, default=1.0, help="how long it runs before that, in seconds")
    options = parser.parse_args()
    gc.disable()
    target = Target.speaking(options.wire, port=options.port, pid=options.pid)
    try:
        check_server(target)
        measured = SHAPES[options.shape](target, warm_up=options.warm_up, seconds=options.seconds)
    except (Closed, Refused, Stalled, WrongFrame, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(orjson.dumps(asdict(measured)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
