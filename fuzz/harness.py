"""One run of atheris over one target: ``python -m fuzz.harness TARGET [libFuzzer's options and folders]``.

libFuzzer ends the process it runs in, which is why each target has one of its own; ``__main__.py`` starts them.
"""

from __future__ import annotations

import sys

import atheris
from twisted.logger import globalLogBeginner

# What is instrumented leads the search: our own code, and what of others' reads bytes.
with atheris.instrument_imports(include=["jsongle_server", "autobahn.websocket", "twisted.web.http"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Fuzzes until something is found, or libFuzzer's options say that it is enough."""
    target = TARGETS[sys.argv.pop(1)]
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    atheris.Setup(sys.argv, target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
