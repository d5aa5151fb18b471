"""Tables and colours on standard output."""

from typing import Final

from rich.console import Console

from simulator.cli.output import nobody_reads

WIDTH_WITHOUT_TERMINAL: Final = 180


class Output(Console):
    """Rich's own way with a reader who left is to end with 1, as if an expectation had failed."""

    def on_broken_pipe(self) -> None:
        """Nothing more is said."""
        self.quiet = True
        nobody_reads()


def output() -> Console:
    """As wide as the terminal; without one, wide enough for a table."""
    console = Output()
    return console if console.is_terminal else Output(width=WIDTH_WITHOUT_TERMINAL)
