"""The terminal client on a terminal: a prompt by prompt_toolkit, above which lines come in. Layer 5."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout

from jsongle_server.chat_lines import Kind, Line, rendered

if TYPE_CHECKING:
    from jsongle_server.chat_runner import Runner

RESTORE_SECONDS: Final = 2.0
"""How long the terminal may take to be as it was."""


class Keyboard(Vt100Input):
    """The keys of a terminal, which are the same while a line is written.

    prompt_toolkit would have the terminal collect whole lines meanwhile, for whoever asks for one; what is typed then
    would show with the next key only.
    """

    def cooked_mode(self) -> AbstractContextManager[None]:
        """Changes nothing."""
        return nullcontext()


class Terminal:
    """A terminal: a :class:`jsongle_server.chat_runner.Screen`.

    :param coloured: whether to write colours.

    :ivar is_broken: a terminal that nobody reads hangs up instead.
    """

    def __init__(self, *, coloured: bool) -> None:
        self.is_broken = False
        self._coloured = coloured
        self._runner: Runner | None = None
        self._session: PromptSession[str] | None = None

    def run(self, runner: Runner) -> None:
        """Begins to ask for lines.

        :param runner: takes them.
        """
        self._runner = runner
        self._talking = asyncio.ensure_future(self._talk(runner))

    def show(self, line: Line) -> None:
        """Writes a line above the prompt; that something has arrived is shown beside it."""
        if line.kind is not Kind.ACK:
            print(rendered(line, coloured=self._coloured), flush=True)

    def refresh(self) -> None:
        """Draws the prompt anew, or takes it away."""
        if self._session is None or self._runner is None:
            return
        app = self._session.app
        if not app.is_running:
            return
        if self._runner.is_over:
            if not app.is_done:
                app.exit(exception=EOFError)
        else:
            app.invalidate()

    async def finished(self) -> None:
        """Waits until the terminal is as it was, unless it is gone, or never will be."""
        await asyncio.wait({self._talking}, timeout=RESTORE_SECONDS)

    async def _talk(self, runner: Runner) -> None:
        self._session = PromptSession(
            completer=Names(runner),
            history=InMemoryHistory(),
            erase_when_done=True,
            complete_while_typing=False,
            input=Keyboard(sys.stdin),
            output=_output(),
        )
        with patch_stdout(raw=True):
            while not runner.is_over:
                try:
                    line = await self._session.prompt_async(
                        lambda: self._styled(runner.chat.prompt, "bold"),
                        rprompt=lambda: self._styled(runner.chat.state.status, "fg:ansigreen"),
                        handle_sigint=False,
                        set_exception_handler=False,
                    )
                except (EOFError, KeyboardInterrupt, OSError):  # the last when the terminal is gone
                    if not runner.is_over:
                        runner.leave()
                    return
                runner.typed(line)

    def _styled(self, text: str, style: str) -> FormattedText:
        return FormattedText([(style if self._coloured else "", text)])


def _output() -> Output:
    """The terminal to write to, which is not asked where its cursor stands: not all terminals answer that."""
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output


class Names(Completer):
    """Completes commands, rooms and people.

    :param runner: knows them.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What may stand at the cursor."""
        for word, length in self._runner.chat.completions(document.text_before_cursor):
            yield Completion(word, start_position=-length)
