"""A real server against its own ``GET /openapi.json``: schemathesis asks for all that it allows, and what it does not.

It looks at every answer: documented status, content type and JSON, no fault of the server, wrong values refused and
right ones taken, other methods refused, nothing open that is closed, nothing found that was deleted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import jsongle_server
from jsongle_server.rest import ROUTES
from tests.daemons import DaemonCase, SocketClient
from tests.rest_support import TOKEN

LIMIT: Final = 120
"""Seconds after which something is wrong; five or so are usual."""

UNTESTED: Final = ("openapi", "stream_events")
"""The document itself, and the answer that does not end: schemathesis would wait for its end."""

OPTIONS: Final = (
    *("--exclude-operation-id", "stream_events"),
    *("--checks", "all"),
    *("--seed", "1"),
    *("--max-examples", "15"),
    *("--generation-database", "none"),
    *("--header", f"Authorization: Bearer {TOKEN}"),
    "--no-color",
)


class SchemathesisTests(DaemonCase):
    """Everything that the document says."""

    def test_the_server_does_what_its_document_says(self) -> None:
        """Every operation is asked for, every check passes, and the log has no failure in it."""
        server = self.foreground(f"--adminToken={TOKEN}", "--demo=on", f"--logPath={self.folder / 'own.log'}")
        websocket, rest = server.addresses
        for uid in ("alice", "bob"):
            client = SocketClient(websocket)
            self.addCleanup(client.disconnect)
            client.hello(uid, resume=True)
            client.say(client.server_id, "iq-set", query="join", description={"rid": "kitchen"})
        done = self.run_schemathesis(f"{rest}/openapi.json")
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-1000:])
        tested = re.search(r"Tested: (\d+)", done.stdout)
        self.assertEqual(tested and int(tested[1]), len(ROUTES) - len(UNTESTED), done.stdout)
        self.assertNotIn("Traceback", server.output)

    def run_schemathesis(self, document: str) -> subprocess.CompletedProcess[str]:
        """Have schemathesis do its work, in a process of its own, since it changes how hypothesis works."""
        program = Path(sys.executable).with_name("schemathesis")
        return subprocess.run(
            (program, "run", *OPTIONS, document),
            cwd=self.folder,
            env={
                "PATH": os.defpath,
                "HOME": str(self.folder),
                "PYTHONPATH": str(Path(jsongle_server.__file__).parent.parent),
                "PYTHONUTF8": "1",
                "SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
