"""What all calls of a process share.

Owns nothing but the list. Must not know a call.
"""

from dataclasses import dataclass, field

from bridge.agents.choosing import Agents
from bridge.call_token import CallTokens
from bridge.flight.flight import Flights
from bridge.legs import RealtimeEndpoint
from bridge.log import Log
from bridge.operations.admission import Places
from bridge.operations.used_tokens import UsedTokens
from bridge.operations.watch import Watch
from bridge.outside import OpenStream
from bridge.recording.recording import Recordings
from bridge.records.book import CallBook
from bridge.release import LineReleaser
from bridge.tooling.running import NoTools, ToolRunner
from bridge.transfer import LineTransfer


@dataclass(frozen=True)
class Services:
    """What all calls of a process share. Without REST credentials nobody releases or transfers."""

    agents: Agents
    endpoint: RealtimeEndpoint
    open_stream: OpenStream
    tokens: CallTokens
    releaser: LineReleaser | None
    log: Log
    transfer: LineTransfer | None = None
    tools: ToolRunner = field(default_factory=NoTools)
    log_event_types: frozenset[str] = frozenset()
    book: CallBook = field(default_factory=CallBook)
    places: Places = field(default_factory=Places)
    watch: Watch = field(default_factory=Watch)
    used_tokens: UsedTokens = field(default_factory=UsedTokens)
    flights: Flights = field(default_factory=Flights)
    recordings: Recordings = field(default_factory=Recordings)
