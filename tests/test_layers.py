"""The layers of the package: who may import whom, and who may know a reactor.

A file imports from its own layer or a lower one, never upward and never in a circle. Layers 0 to 3 run without a
reactor, so that all of what the protocol says can be tested, and reused, without one.
"""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

import jsongle_server

PACKAGE: Final = Path(jsongle_server.__file__).parent

LAYERS: Final[dict[int, str]] = {
    0: """
        __init__ vocabulary errors ids lifecycle privacy
        webhook_signing
        config config_table config_rules config_keys config_values config_addresses config_envfile config_sources
        key_set certificates
    """,
    1: "codec messages elision limits replay keys tokens ice stun occurrences forwarded",
    2: "member told rooms registry routing blocks metrics history call_steps calls webhook_queue webhook_retries",
    3: """
        session services membership hello reminders resume throttle queries relay call_relay call_news reports handlers
        error_answers signaling tracing tracer stats selftest selftest_client
    """,
    4: """
        websocket websocket_factory lean frame_reader frame_writer framing flusher poller outbox unread
        handshake upgrade credentials addresses addressed peers keepalive timeouts clock_watch
        listening listeners endpoints unix_sockets tls tls_names checks
        rest rest_* openapi telemetry sampler event_stream
        jwks http_body http_pool webhooks webhook_client
        logs log_*
    """,
    5: "service tap chat chat_* doctor doctor_* __main__",
}
"""The layer of every module; ``*`` stands for the parts that a module is split into."""

UNLAYERED: Final = frozenset({"testing", "testing_certificates", "testing_websocket"})
"""The fakes, which import from any layer and are imported by none."""

REACTOR: Final = "twisted.internet.reactor"
NO_REACTOR_LAYERS: Final = range(4)

INJECTED: Final = {"time": {"signaling"}, "uuid": {"signaling"}, "random": set[str](), "secrets": {"signaling"}}
"""What gives time and ids, and who of the layers without a reactor may hand it on to the others."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name.

    :ivar name: the module with the name in it, dotted; a module alone for ``import module``.
    :ivar function: the function that it happens in, ``""`` at the top.
    :ivar for_types: whether it stands under ``TYPE_CHECKING``.
    """

    name: str
    function: str
    for_types: bool


def read_imports(module: str) -> list[Import]:
    """Every import of a module of the package, wherever in it."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    return list(_imports(tree, function="", for_types=False))


def _imports(node: ast.AST, *, function: str, for_types: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, function, for_types) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            base = ".".join(part for part in ("jsongle_server", base) if part)
        yield from (Import(f"{base}.{alias.name}", function, for_types) for alias in node.names)
    elif isinstance(node, ast.If) and ast.unparse(node.test).removeprefix("typing.") == "TYPE_CHECKING":
        for guarded in node.body:
            yield from _imports(guarded, function=function, for_types=True)
        for other in node.orelse:
            yield from _imports(other, function=function, for_types=for_types)
    else:
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, function=inside, for_types=for_types)


MODULES: Final = sorted(path.stem for path in PACKAGE.glob("*.py"))
LAYER: Final = {
    module: layer
    for layer, names in LAYERS.items()
    for name in names.split()
    for module in fnmatch.filter(MODULES, name)
}
IMPORTS: Final = {module: read_imports(module) for module in MODULES}


def own_module(name: str) -> str | None:
    """The module of the package that an imported name belongs to, if it is ours."""
    package, _, rest = name.partition(".")
    if package != "jsongle_server":
        return None
    module = rest.partition(".")[0]
    return module if module in MODULES else "__init__"


def belongs(name: str, module: str) -> bool:
    """Whether an imported name is a module or stands in it."""
    return f"{name}.".startswith(f"{module}.")


class TableTests(SynchronousTestCase):
    """The table itself."""

    def test_every_module_has_one_place(self) -> None:
        """Every module is in the table once, or is one of the fakes."""
        listed = [
            module for names in LAYERS.values() for name in names.split() for module in fnmatch.filter(MODULES, name)
        ]
        self.assertEqual(sorted([*listed, *UNLAYERED]), MODULES)

    def test_no_row_is_out_of_date(self) -> None:
        """The table knows no module that does not exist."""
        stale = [name for names in LAYERS.values() for name in names.split() if not fnmatch.filter(MODULES, name)]
        self.assertEqual(stale, [])

    def test_package_has_no_packages_in_it(self) -> None:
        """All modules lie side by side, where the table finds them."""
        self.assertEqual(list(PACKAGE.glob("*/*.py")), [])

    def test_reading_finds_every_kind_of_import(self) -> None:
        """An import is seen wherever it stands and however it is written."""
        source = (
            "import a.b, c\n"
            "from d import e as f\n"
            "from . import g\n"
            "from .h import i\n"
            "if TYPE_CHECKING:\n    import j\nelse:\n    import k\n"
            "class L:\n    async def m(self):\n        try:\n            import n\n        finally:\n            pass\n"
        )
        self.assertEqual(
            [
                (found.name, found.function, found.for_types)
                for found in _imports(ast.parse(source), function="", for_types=False)
            ],
            [
                *(("a.b", "", False), ("c", "", False), ("d.e", "", False)),
                *(("jsongle_server.g", "", False), ("jsongle_server.h.i", "", False)),
                *(("j", "", True), ("k", "", False), ("n", "m", False)),
            ],
        )


class DirectionTests(SynchronousTestCase):
    """Which way imports go."""

    def test_no_module_imports_upward(self) -> None:
        """A module knows its own layer and those below, not even for its types those above."""
        upward = [
            f"{module} (layer {LAYER[module]}) imports {found.name}"
            for module in MODULES
            if module in LAYER
            for found in IMPORTS[module]
            if (target := own_module(found.name)) in LAYER and LAYER[target] > LAYER[module]
        ]
        self.assertEqual(upward, [])

    def test_no_module_imports_the_fakes(self) -> None:
        """What is there for tests is not needed to run."""
        users = [module for module in LAYER for found in IMPORTS[module] if own_module(found.name) in UNLAYERED]
        self.assertEqual(users, [])

    def test_no_imports_in_circles(self) -> None:
        """Modules can be read, and loaded, one after another; only types may refer to each other."""
        needs = {
            module: {target for found in IMPORTS[module] if not found.for_types and (target := own_module(found.name))}
            for module in MODULES
        }
        while free := [module for module, needed in needs.items() if not needed & needs.keys()]:
            for module in free:
                del needs[module]
        self.assertEqual(needs, {})


class ReactorTests(SynchronousTestCase):
    """Who knows a reactor."""

    def test_lower_layers_know_of_twisted_only_how_to_log(self) -> None:
        """Layers 0 to 3 import nothing of Twisted but ``twisted.logger``, and nothing that is built on it."""
        strangers = [
            f"{module} imports {found.name}"
            for module in MODULES
            if LAYER.get(module) in NO_REACTOR_LAYERS
            for found in IMPORTS[module]
            if found.name.partition(".")[0] in {"twisted", "autobahn", "txaio", "klein", "asyncio"}
            and not belongs(found.name, "twisted.logger")
        ]
        self.assertEqual(strangers, [])

    def test_lower_layers_are_given_time_and_ids(self) -> None:
        """Layers 0 to 3 take times and ids as arguments or from factories that one module hands on."""
        takers = [
            f"{module} imports {found.name}"
            for module in MODULES
            if LAYER.get(module) in NO_REACTOR_LAYERS
            for found in IMPORTS[module]
            if module not in INJECTED.get(found.name.partition(".")[0], {module})
        ]
        self.assertEqual(takers, [])

    def test_only_rest_imports_klein(self) -> None:
        """Klein installs the default reactor on import, so that only what is loaded late may import it."""
        users = {module for module in MODULES for found in IMPORTS[module] if belongs(found.name, "klein")}
        self.assertLessEqual(users, {module for module in MODULES if module.startswith("rest")})

    def test_global_reactor_is_resolved_in_one_function(self) -> None:
        """Only ``makeService`` takes the global reactor; everybody else is given one."""
        users = {
            (module, found.function) for module in MODULES for found in IMPORTS[module] if belongs(found.name, REACTOR)
        }
        self.assertEqual(users, {("tap", "makeService")})

    def test_modules_that_load_early_install_no_reactor(self) -> None:
        """``twistd --reactor`` can still choose after the plugin's module, or the fakes, have been imported."""
        for module in ("tap", "chat", "chat_runner", "chat_terminal", "doctor", *UNLAYERED):
            script = f"import sys, jsongle_server.{module}; sys.exit({REACTOR!r} in sys.modules)"
            done = subprocess.run([sys.executable, "-c", script], cwd=PACKAGE.parent, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, module)
