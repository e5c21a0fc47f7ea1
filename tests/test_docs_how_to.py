"""The guides of ``docs/how-to`` against the code: what they tell to write works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.trial.unittest import SkipTest, SynchronousTestCase

import jsongle_server
from jsongle_server.config import Config, default_text
from jsongle_server.config_envfile import read_env_file
from jsongle_server.config_keys import KeySetFile
from jsongle_server.config_sources import load
from jsongle_server.config_table import SETTINGS
from jsongle_server.keys import Keys
from jsongle_server.rest import ROUTES
from jsongle_server.tokens import Grant, Tokens
from tests.test_docs import ROOT, blocks, read, rows
from tests.test_docs_metrics import names, scrape
from tests.token_makers import SECRET

PACKAGE: Final = Path(jsongle_server.__file__).parent

CLIENT: Final = PACKAGE / "static" / "jsongle-client.js"

WHO: Final = ("Alice", ("team-*",))
"""Who the tokens of the examples are for, and what is open to him."""


def guide(name: str) -> str:
    """The text of a guide."""
    return read(f"how-to/{name}")


def run(*command: str, text: str, **environment: str) -> str:
    """What a program prints that is given a text.

    :raises SkipTest: there is no such program.
    """
    program = shutil.which(command[0])
    if program is None:
        raise SkipTest(f"there is no {command[0]}")
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
    done = subprocess.run(
        [program, *command[1:]], input=text, env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


class TokenTests(SynchronousTestCase):
    """``tokens.md``: tokens that are made as it shows let their users in."""

    def assertAdmits(self, token: str, config: Config | None = None) -> None:
        """A token lets its user in, for an hour."""
        config = config or Config.from_mapping({"jwtKey": SECRET})
        now = time.time()
        grant: Grant = Tokens(config, Keys(config)).check("user_7000", {"token": token}, None, now)
        self.assertEqual((grant.name, grant.rooms), WHO)
        self.assertApproximates(grant.expires or 0, now + 3600, 60)

    def test_python(self) -> None:
        """In Python."""
        found: dict[str, Any] = {"secret": SECRET}
        exec(blocks(guide("tokens.md"), "python")[0], found)
        self.assertAdmits(found["token"])

    def test_node(self) -> None:
        """In Node."""
        example = next(block for block in blocks(guide("tokens.md"), "js") if "makeToken" in block)
        self.assertAdmits(run("node", text=f"const secret = {json.dumps(SECRET)};\n{example}\nconsole.log(token)"))

    def test_shell(self) -> None:
        """In a shell."""
        example = next(block for block in blocks(guide("tokens.md"), "sh") if "encode()" in block)
        self.assertAdmits(run("sh", text=example, SECRET=SECRET))

    def test_key_set(self) -> None:
        """With a key set of one key."""
        first, document, second = blocks(guide("tokens.md"), "python")
        key = Ed25519PrivateKey.generate()
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        found: dict[str, Any] = {"secret": SECRET, "private_key": key, "pem": pem}
        for example in (first, document, second):
            exec(example, found)
        self.assertAdmits(found["token"], Config(jwks_path=KeySetFile("/keys.json", found["document"].encode())))
        self.assertEqual(
            jwt.get_unverified_header(found["token"])["kid"], json.loads(found["document"])["keys"][0]["kid"]
        )


class MovingTests(SynchronousTestCase):
    """``moving-from-node.md``: what its tables say of this server."""

    def setUp(self) -> None:
        """Reads it."""
        self.text = guide("moving-from-node.md")
        self.settings = rows(self.text, "| there | default there |")

    def test_settings(self) -> None:
        """What stands under "here" are settings, and where a default of this server is named it is that."""
        defaults = {setting.name: default_text(setting) for setting in SETTINGS}
        said = 0
        for _, _, here, what in self.settings:
            for name in names(here):
                self.assertIn(name, defaults)
            if stated := re.search(r"default here is (no limit|none|off|\d+)|, (\d+) by default", what):
                said += 1
                text = stated[1] or stated[2]
                default = {"no limit": "0", "none": ""}.get(text, text)
                self.assertEqual({defaults[name] for name in names(here)}, {default}, what)
        self.assertGreater(said, 6)

    def test_env_file(self) -> None:
        """An env file of the other server's defaults is read without a warning, once the table is followed."""
        changed = {"useHTTPS": "off", "key": "", "cert": "", "logPath": ""}
        out = {"multiRoomPrefix", "maxMultiRoomsPerUser", "maxMultiRoomPerUser"}
        lines = []
        for there, default, _, _ in self.settings:
            for name, value in zip(names(there), [*names(default), default, default], strict=False):
                if name not in out:
                    lines.append(f"{name}={changed.get(name, value.replace('empty', ''))}")
        path = Path(self.mktemp())
        path.write_text("\n".join(lines), encoding="utf-8")
        loaded = load(options={}, environ={}, env_file=str(path))
        self.assertEqual((loaded.warnings, loaded.config.max_concurrent_users), ((), 10))

    def test_what_is_warned_about(self) -> None:
        """Of what has to be taken out or renamed, nothing is taken for a setting."""
        path = Path(self.mktemp())
        path.write_text("multiRoomPrefix='#muc#'\nmaxMultiRoomsPerUser=10\nmaxMultiRoomPerUser=10\n", encoding="utf-8")
        read = read_env_file(str(path))
        self.assertEqual((read.entries, read.problems), ((), ()))

    def test_routes(self) -> None:
        """The routes of the other server are there."""
        known = {f"{route.method} {route.template}" for route in ROUTES}
        asked = [
            route for there, *_ in rows(self.text.split("## REST")[1], "| there | here |") for route in names(there)
        ]
        self.assertEqual([route for route in asked if route not in known], [])
        self.assertGreater(len(asked), 5)

    def test_metrics(self) -> None:
        """The metrics under "here" are there."""
        series = {sample.name for family in scrape() for sample in family.samples}
        table = rows(self.text.split("## Metrics")[1], "| there | here |")
        found = [name.partition("{")[0] for _, here in table for name in names(here) if name.startswith("jsongle_")]
        self.assertEqual([name for name in found if name not in series], [])
        self.assertGreater(len(found), 9)

    def test_transport(self) -> None:
        """The transport over a WebSocket hands on what comes, and sends what it is given."""
        example = blocks(self.text, "js")[0]
        script = (
            "class WebSocket extends EventTarget { sent = []; send(text) { this.sent.push(text); } }\n"
            f"{example}\n"
            "const heard = [];\n"
            "transport.in((message) => heard.push(message));\n"
            "socket.dispatchEvent(Object.assign(new Event('message'), { data: '{\"id\": \"m-1\"}' }));\n"
            "transport.out({ id: 'm-2' });\n"
            "console.log(JSON.stringify([heard, socket.sent.map(JSON.parse)]));"
        )
        self.assertEqual(json.loads(run("node", text=script)), [[{"id": "m-1"}], [{"id": "m-2"}]])

    def test_transport_of_the_client(self) -> None:
        """So does the one over the client, which says hello by itself."""
        client = re.sub(r"^export ", "", CLIENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
        script = (
            "class WebSocket {\n"
            "  sent = [];\n"
            "  constructor() { globalThis.socket = this; }\n"
            "  send(text) { this.sent.push(JSON.parse(text)); }\n"
            "  close() {}\n"
            "}\n"
            "globalThis.WebSocket = WebSocket;\n"
            f"{client}\n{blocks(self.text, 'js')[1]}\n"
            "const heard = [];\n"
            "transport.in((message) => heard.push(message.id));\n"
            "const turn = () => new Promise(setImmediate);\n"
            "const get = async (id, jsongle) => {\n"
            "  const data = JSON.stringify({ id, from: 'barracuda', to: 'a-1', jsongle });\n"
            "  socket.onmessage({ data });\n"
            "  await turn();\n"
            "};\n"
            "await get('s-1', { action: 'iq-get', query: 'session-hello', transaction: 't', description: {} });\n"
            "await get('s-2', { action: 'ack', status: 'success', transaction: 't', description: { id: 'a-1' } });\n"
            "const jsongle = { action: 'session-text' };\n"
            "await get('s-3', jsongle);\n"
            "transport.out({ id: 'm-1', to: 'tea', from: 'x', namespace: 'call', jsongle });\n"
            "await turn();\n"
            "const { id, to, namespace } = socket.sent.at(-1);\n"
            "console.log(JSON.stringify([heard, socket.sent[0].jsongle.description.uid, id, to, namespace]));\n"
            "process.exit();"
        )
        said = json.loads(run("node", "--input-type=module", "-", text=script))
        self.assertEqual(said, [["s-3"], "user_7000", "m-1", "tea", "call"])


class ProxyTests(SynchronousTestCase):
    """``reverse-proxies.md``: what it shows is part of the files that are run under real proxies."""

    def test_nginx(self) -> None:
        """Every directive that is about a connection is in the file for nginx."""
        (shown,) = blocks(guide("reverse-proxies.md"), "nginx")
        self.assert_part(re.findall(r"proxy_(?:set|http|read)\w+ [^;]+;", shown), "nginx/jsongle.conf")

    def test_caddy(self) -> None:
        """Every line is in the file for Caddy."""
        (shown,) = [block for block in blocks(guide("reverse-proxies.md"), "text") if "reverse_proxy" in block]
        self.assert_part([line.strip() for line in shown.splitlines()], "caddy/Caddyfile")

    def assert_part(self, lines: list[str], name: str) -> None:
        """Lines are in a file."""
        whole = (ROOT / "contrib" / name).read_text(encoding="utf-8")
        self.assertGreater(len(lines), 3)
        self.assertEqual([line for line in lines if line not in whole], [])


class DoctorTests(SynchronousTestCase):
    """``turn.md`` and ``tls.md``: what they quote is what is said."""

    def test_doctor(self) -> None:
        """Every finding that is quoted is one that the doctor has."""
        source = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.glob("doctor*.py"))
        quoted = [phrase for row in rows(guide("turn.md"), "| the doctor says |") for phrase in names(row[0])]
        self.assertGreater(len(quoted), 2)
        for phrase in (*quoted, "takes the credentials, relays at "):
            self.assertIn(phrase, source)

    def test_log(self) -> None:
        """The line of the log is one that the server writes."""
        self.assertIn("TLS with a certificate that is good until", (PACKAGE / "tls.py").read_text(encoding="utf-8"))
        self.assertIn("TLS with a certificate that is good until", guide("tls.md"))

    def test_hook(self) -> None:
        """The script that copies certificates can be read by a shell."""
        (hook,) = [block for block in blocks(guide("tls.md"), "sh") if block.startswith("#!")]
        self.assertEqual(run("sh", "-n", text=hook), "")
