"""Several serving processes behind one listening socket, and the parent that keeps them running.

Owns starting, restarting and telling them to stop. A worker that dies takes its own calls with it
and nothing else. Each has a pipe from its parent as standard input: at its end the worker stops by
itself, so none outlives a parent that was killed. Must not know what a worker does.
"""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import trio

RESTART_S_FIRST: Final = 1.0
RESTART_S_MAX: Final = 30.0
SETTLED_S: Final = 60.0
"""A worker that lived so long is restarted at once the next time."""


class Workers:
    """Runs one process for each command.

    Args:
        commands: one for each worker.
        socket_fd: the listening socket they share; each inherits it under this number.
        complain: is told in a sentence that a worker has died.
    """

    def __init__(
        self, commands: Sequence[Sequence[str]], socket_fd: int, complain: Callable[[str], None]
    ) -> None:
        self._commands = commands
        self._socket_fd = socket_fd
        self._complain = complain
        self._running: dict[int, trio.Process] = {}
        self._told = trio.Event()
        self._exit_code = 0

    async def run(self) -> int:
        """Keep them running until SIGTERM or SIGINT, which they are told; then wait for them.

        Returns:
            0, or the exit code of a worker that could not even start once.
        """
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._forward, signals)
                async with trio.open_nursery() as workers:
                    for index, command in enumerate(self._commands):
                        workers.start_soon(self._keep_running, index, command)
                nursery.cancel_scope.cancel()
        return self._exit_code

    async def _forward(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            self._stop(number)

    def _stop(self, number: int) -> None:
        self._told.set()
        for process in self._running.values():
            process.send_signal(number)

    async def _keep_running(self, index: int, command: Sequence[str]) -> None:
        pause_s, first = RESTART_S_FIRST, True
        while not self._told.is_set():
            began = trio.current_time()
            code = await self._live(index, command)
            if self._told.is_set():
                return
            if first and code > 0:
                self._exit_code = code
                self._stop(signal.SIGTERM)
                return
            first = False
            if trio.current_time() - began >= SETTLED_S:
                pause_s = RESTART_S_FIRST
            self._complain(f"worker {index} ended with code {code}; again in {pause_s:g} s")
            with trio.move_on_after(pause_s):
                await self._told.wait()
            pause_s = min(2 * pause_s, RESTART_S_MAX)

    async def _live(self, index: int, command: Sequence[str]) -> int:
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.PIPE,
            pass_fds=(self._socket_fd,),
            start_new_session=True,  # a terminal's Ctrl-C reaches the parent, who forwards it
        )
        self._running[index] = process
        if self._told.is_set():
            process.send_signal(signal.SIGTERM)
        try:
            return await process.wait()
        finally:
            del self._running[index]
