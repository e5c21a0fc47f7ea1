"""``contrib/docker``: the Dockerfile, read strictly and followed as far as that goes without Docker, and its check."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.contrib_support import CONTRIB, ROOT, run
from tests.daemons import DaemonCase, SocketClient, is_alive, wait_until

INSTRUCTIONS: Final = frozenset(
    {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "LABEL", "USER", "EXPOSE", "STOPSIGNAL"}
    | {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
)


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile in order, lines that go on joined."""
    text = (CONTRIB / "docker/Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions by stage, each beginning with its FROM."""
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def copied(stage: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a stage copies from the repository, and where to."""
    pairs = []
    for name, rest in stage:
        words = shlex.split(rest)
        if name == "COPY" and not words[0].startswith("--from="):
            pairs += [(source, words[-1]) for source in words[:-1]]
    return pairs


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path from Docker: the last line that fits it, or a folder above it, decides."""
    result = False
    steps = path.split("/")
    above = ["/".join(steps[:count]) for count in range(1, len(steps) + 1)]
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!").rstrip("/")
        if not pattern or pattern.startswith("#"):
            continue
        anywhere = pattern.startswith("**/")
        names = [name.rpartition("/")[2] for name in above] if anywhere else above
        if any(fnmatchcase(name, pattern.removeprefix("**/")) for name in names):
            result = not line.startswith("!")
    return result


class DockerfileTests(SynchronousTestCase):
    """What is written in it."""

    def values(self, name: str) -> list[str]:
        """What an instruction of the last stage is given."""
        return [rest for given, rest in stages()[-1] if given == name]

    def test_instructions(self) -> None:
        """There are two stages, of known instructions alone, on one base that is pinned to a release of Python."""
        names = {name for name, _ in instructions()}
        self.assertEqual(names - INSTRUCTIONS, set())
        bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
        self.assertEqual(bases, ["python:${PYTHON}"] * 2)
        (default,) = (rest for name, rest in instructions() if name == "ARG")
        self.assertRegex(default, r"^PYTHON=3\.\d+\.\d+-slim-\w+$")

    def test_user(self) -> None:
        """It runs as a fixed user without rights, made before it is used, who does nothing but run."""
        (user,) = self.values("USER")
        uid, gid = user.split(":")
        self.assertGreater(int(uid), 999)
        (made,) = self.values("RUN")
        self.assertIn(f"--uid {uid} --gid {gid} ", made)
        names = [name for name, _ in stages()[-1]]
        self.assertFalse({"RUN", "COPY"} & set(names[names.index("USER") :]))

    def test_lists(self) -> None:
        """What the container runs is lists: no shell stands between the signals of Docker and the server."""
        for name in ("ENTRYPOINT", "CMD"):
            (text,) = self.values(name)
            self.assertTrue(all(isinstance(word, str) for word in json.loads(text)))
        (check,) = self.values("HEALTHCHECK")
        options, _, command = check.partition("CMD ")
        self.assertEqual(json.loads(command), ["python", "/opt/jsongle/healthcheck.py"])
        self.assertRegex(options, r"^--interval=\d+s --timeout=\d+s --start-period=\d+s --retries=\d+ *$")

    def test_sources(self) -> None:
        """Everything that is copied is in the repository, and gets to Docker."""
        sources = [source for stage in stages() for source, _ in copied(stage)]
        self.assertIn("requirements.txt", sources)
        for source in sources:
            self.assertTrue((ROOT / source).exists(), source)
            self.assertFalse(ignored(source.rstrip("/")), source)

    def test_secrets_stay_here(self) -> None:
        """Settings, history, and whatever else may lie around, do not get to Docker."""
        for path in (
            ".env",
            ".git/config",
            "contrib/docker/.env",
            "privkey.pem",
            "tests/daemons.py",
            ".venv/bin/python",
        ):
            self.assertTrue(ignored(path), path)
        self.assertTrue(ignored("jsongle_server/__pycache__/tap.cpython-313.pyc"))
        self.assertFalse(ignored("jsongle_server/tap.py"))

    def test_locked(self) -> None:
        """What is installed is locked by hashes, before the code is there; the code itself is installed on its own."""
        installs = [rest for name, rest in stages()[0] if name == "RUN" and " install " in rest]
        self.assertEqual(len(installs), 2)
        self.assertIn("--require-hashes --requirement requirements.txt", installs[0])
        self.assertIn("--no-deps --no-build-isolation .", installs[1])

    def test_ports(self) -> None:
        """The ports are the defaults of the settings."""
        self.assertEqual(self.values("EXPOSE"), ["8080 8081"])


class ImageTests(DaemonCase):
    """What is in the image, and what it does."""

    def test_package_is_whole(self) -> None:
        """What the Dockerfile copies makes the whole package, and its ENTRYPOINT starts a server of it."""
        build = self.folder / "build"
        for source, target in copied(stages()[0]):
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, build / target, ignore=shutil.ignore_patterns("__pycache__", "*.cache"))
            else:
                (build / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, build / target)
        status, said = run(
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(self.folder), "."),
            folder=build,
        )
        self.assertEqual(status, 0, said)
        (wheel,) = self.folder.glob("*.whl")
        with ZipFile(wheel) as archive:
            archive.extractall(self.folder / "installed")
        installed = self.folder / "installed/jsongle_server"
        shipped = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
        package = ROOT / "jsongle_server"
        wanted = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
        self.assertEqual({name for name in wanted - shipped if "__pycache__" not in name}, set())

        command = self.command()
        (entry,) = (json.loads(rest) for name, rest in stages()[-1] if name == "ENTRYPOINT")
        self.assertEqual(entry[0], "twistd")
        command["args"] = (*command["args"][:2], *entry[1:], "--check-config")
        command["env"]["PYTHONPATH"] = str(self.folder / "installed")
        done = subprocess.run(**command, capture_output=True, check=False, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_health(self) -> None:
        """The check of the image says yes while the server takes clients, and no when it has gone."""
        server = self.foreground("--drainTimeout=0")
        port = server.addresses[1].rpartition(":")[2]
        self.assertEqual(self.check(restPort=port), (0, ""))
        server.signal(signal.SIGTERM)
        server.wait()
        self.assertEqual(self.check(restPort=port), (1, ""))

    def test_health_while_draining(self) -> None:
        """The check says no as soon as the server stops, while it still sees its clients off."""
        server = self.foreground("--drainTimeout=60")
        client = SocketClient(server.addresses[0])
        self.addCleanup(client.disconnect)
        client.hello("alice")
        server.signal(signal.SIGTERM)
        wait_until(lambda: "SIGTERM" in server.output or "drain" in server.output, "the stop in the log")
        self.assertEqual(self.check(restPort=server.addresses[1].rpartition(":")[2]), (1, ""))

    def test_health_with_mistakes(self) -> None:
        """Settings that a server does not start with are no traceback."""
        self.assertEqual(self.check(restPort="x"), (1, ""))

    def check(self, **settings: str) -> tuple[int, str]:
        """Runs the check with settings in the environment."""
        environment = {**self.command()["env"], **settings}
        script = str(CONTRIB / "docker/healthcheck.py")
        return run(sys.executable, script, folder=self.folder, environment=environment)

    def test_it_is_process_1(self) -> None:
        """As the first process of a container it still obeys SIGTERM, and ends with 0."""
        unshare = shutil.which("unshare")
        probe = [unshare or "unshare", "--pid", "--fork", "--kill-child"]
        if unshare is None or run(*probe, "true")[0]:
            raise SkipTest("needs the right to make process namespaces")
        command = self.command("--drainTimeout=0", twistd=("--nodaemon", "--pidfile="))
        command["args"] = (*probe, *command["args"])
        console = self.folder / "console"
        with console.open("wb") as output:
            process = subprocess.Popen(**command, stdout=output, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: "REST on " in console.read_text(), "the server")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (child,) = map(int, children)
        self.assertRegex(Path(f"/proc/{child}/status").read_text(), rf"(?m)^NSpid:\s+{child}\s+1$")
        subprocess.run(("kill", "-TERM", str(child)), check=True)
        self.assertEqual(process.wait(timeout=20), 0)
        self.assertFalse(is_alive(child))
