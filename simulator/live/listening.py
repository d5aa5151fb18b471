"""What the commands that listen on a port have in common: arguments, certificates, first words.

Owns no fake. `realtime_server` and `twilio_server` say what is served, and how it ends.

Exit codes: 0 ended by Ctrl-C or --for · 2 unusable scenario or arguments · 3 could not listen,
or the call asked for found no document to carry out.
"""

import argparse
import ipaddress
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from simulator.cli.exits import COULD_NOT_RUN, PASSED, complain
from simulator.cli.output import flush, tell
from simulator.scenario import Scenario, load_scenarios
from simulator.sockets import certificate
from simulator.sockets.certificate import Certificate
from simulator.trace import Event

Write = Callable[[int, Event], None]
"""Takes the number of a call, and one of its events."""
TraceLine = Callable[[int, Event], bytes]
Serve = Callable[[Path | None, Write], OSError | str | None]
"""Returns what kept it from listening, or a sentence on what went wrong afterwards."""


class Unusable(Exception):  # noqa: N818 - a person reads it as a sentence
    """The arguments cannot be used; says why."""


def serve_until_told(
    serve: Serve, *, tls: Certificate | None, trace: Path | None, line: TraceLine
) -> int:
    """Call `serve` with what clients must trust and where events go; return the exit code.

    Args:
        serve: returns what was wrong, if anything was.
        tls: made or given; its authority is written to a file for as long as we serve.
        trace: a file for all events.
        line: how one event stands in it.
    """
    try:
        trouble: OSError | str | None
        with ExitStack() as files:
            write = _trace_writer(trace, line, files)
            trouble = serve(files.enter_context(_authority_file(tls)), write)
    except OSError as unwritable:
        trouble = unwritable
    if trouble is None:
        return PASSED
    said = trouble if isinstance(trouble, str) else f"{trouble.filename}: {trouble.strerror}"
    complain(said)
    return COULD_NOT_RUN


# -- what the arguments mean ----------------------------------------------------------------------


def one_scenario(path: Path) -> Scenario:
    """The scenario in a file; of a matrix, the first variant.

    Raises:
        Unusable: it cannot be read, or it is a folder of several.
    """
    scenarios, problems = load_scenarios([path])
    if problems:
        raise Unusable("\n".join(str(problem) for problem in problems))
    if len({scenario.path for scenario in scenarios}) != 1:
        raise Unusable(f"{path}: {len(scenarios)} scenarios; name one file")
    return scenarios[0]


def certificate_of(
    options: argparse.Namespace, key: Path | None, key_option: str
) -> Certificate | None:
    """The certificate of `--cert` and its key, one made for `--tls`, or None.

    Raises:
        Unusable: only one of the two files is given.
        CertificateProblem: they cannot be used.
    """
    if options.cert is not None and key is not None:
        return certificate.given(options.cert, key)
    if options.cert is not None or key is not None:
        raise Unusable(f"--cert and {key_option} belong together")
    return certificate.made(*certificate.names_for(options.host)) if options.tls else None


def seconds(text: str) -> float:
    """A finite number above 0."""
    return _above_0(text, "of seconds")


def calls_a_second(text: str) -> float:
    """A finite number above 0."""
    return _above_0(text, "of calls a second")


def _above_0(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number {what} above 0")
    return value


# -- what is said ---------------------------------------------------------------------------------


def heading(what: str, address: tuple[str, int]) -> str:
    """What listens where, and who can connect."""
    reach = "this machine only" if _is_loopback(address[0]) else "OTHER MACHINES CAN CONNECT"
    return f"# {what} on {_joined(*address)} ({reach}); Ctrl-C ends it"


def reached_at(address: tuple[str, int]) -> str:
    """Host and port by which a client on this machine finds what listens there."""
    host, number = address
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound here
    return _joined(here.get(host, host), number)


def say(text: str) -> None:
    """Print a line at once."""
    tell(text)
    flush()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _joined(host: str, number: int) -> str:
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


@contextmanager
def _authority_file(tls: Certificate | None) -> Iterator[Path | None]:
    """A file with what clients must trust, while we serve; None when there is nothing to trust."""
    if tls is None or tls.authority_pem is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="callsim-", suffix=".pem") as file:
        file.write(tls.authority_pem)
        file.flush()
        yield Path(file.name)


def _trace_writer(path: Path | None, line: TraceLine, files: ExitStack) -> Write:
    if path is None:
        return lambda _number, _event: None
    file = files.enter_context(path.open("wb"))

    def write(number: int, event: Event) -> None:
        file.write(line(number, event))

    return write
