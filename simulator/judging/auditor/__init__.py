"""The auditor: an independent judge of both wires, with its own books. Its laws are always on.

Owns the order in which events reach them: first the books (`Outages`, `Sockets`, `Provenance`,
`LostAudio`, `CallerAudio`), then the laws, which are named in `scenario.names.LAWS`. It reads trace
events only and knows nothing of the bridge; a scenario may excuse a law by name, none can be
switched off.
"""

from simulator.judging.auditor.agent_audio import AgentAudioLaws
from simulator.judging.auditor.caller_audio import CallerAudioLaws
from simulator.judging.auditor.docket import Docket, Violation
from simulator.judging.auditor.handover import HandoverLaws
from simulator.judging.auditor.line import LineLaws
from simulator.judging.auditor.lost_audio import LostAudioLaw
from simulator.judging.auditor.memory import MemoryLaws
from simulator.judging.auditor.session import SessionLaws
from simulator.judging.auditor.tools import ToolLaws
from simulator.judging.caller_audio import CallerAudio
from simulator.judging.conditions import Conditions, Outages
from simulator.judging.lost_audio import LostAudio
from simulator.judging.observer import Chorus
from simulator.judging.provenance import Provenance
from simulator.judging.sockets import Sockets

__all__ = ["Auditor", "Docket", "Violation"]


class Auditor(Chorus):
    """Judges one call. Feed it every trace event in order, then call `finish` once."""

    def __init__(self, conditions: Conditions | None = None) -> None:
        conditions = conditions or Conditions()
        self.conditions = conditions
        self.docket = Docket(conditions.allow)
        self.outages = Outages(conditions.outages_ms)
        self.provenance = Provenance()
        self.caller_audio = CallerAudio()
        sockets = Sockets()
        self.lost_audio = LostAudio(self.provenance, conditions, self.outages, sockets)
        books = (self.docket, self.provenance, conditions, self.outages)
        super().__init__(
            (
                self.outages,
                sockets,
                self.provenance,
                self.lost_audio,
                self.caller_audio,
                AgentAudioLaws(*books),
                LostAudioLaw(self.docket, self.lost_audio),
                MemoryLaws(*books, sockets),
                CallerAudioLaws(self.docket, self.caller_audio, conditions, self.outages),
                SessionLaws(self.docket, conditions, self.outages),
                ToolLaws(self.docket, conditions, self.outages, sockets),
                HandoverLaws(self.docket, self.provenance, conditions, sockets),
                LineLaws(self.docket, conditions, self.outages),
            )
        )

    def finish(self, at_ms: float) -> None:
        """Settle the books at the end of the run and judge what needed all of it."""
        self.caller_audio.settle(at_ms, self.conditions.caller_relay_ms)
        super().finish(at_ms)

    @property
    def violations(self) -> list[Violation]:
        """What was found, in the order of time."""
        return self.docket.violations
