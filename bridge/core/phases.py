"""How far a call and its two legs have come, and what a message makes of a leg.

Owns the tables and nothing that applies them; `call` explains them in words. A message that is not
in the row of a leg's state is out of turn there.
"""

from enum import StrEnum
from typing import Final

from bridge.core import realtime, twilio


class Phase(StrEnum):
    """How far a call has come."""

    SETUP = "setup"
    TALKING = "talking"
    CLOSING = "closing"
    RELEASING = "releasing"
    TRANSFERRING = "transferring"
    ENDED = "ended"


class Leg(StrEnum):
    """How far a leg has come."""

    UNOPENED = "unopened"
    OPENING = "opening"
    CONFIGURING = "configuring"
    STREAMING = "streaming"
    STANDBY = "standby"
    READY = "ready"
    GONE = "gone"


Table = dict[Leg, dict[type, Leg]]

TWILIO_LEG: Final[Table] = {
    Leg.OPENING: {
        twilio.Connected: Leg.OPENING,
        twilio.Start: Leg.STREAMING,
        twilio.Stop: Leg.GONE,
        twilio.Closed: Leg.GONE,
    },
    Leg.STREAMING: {
        twilio.Media: Leg.STREAMING,
        twilio.Mark: Leg.STREAMING,
        twilio.Dtmf: Leg.STREAMING,
        twilio.Stop: Leg.GONE,
        twilio.Closed: Leg.GONE,
    },
}
"""GONE has no row: the call has ended then."""

REALTIME_LEG: Final[Table] = {
    Leg.OPENING: {
        realtime.SessionCreated: Leg.CONFIGURING,
        realtime.Error: Leg.OPENING,
        realtime.Closed: Leg.GONE,
    },
    Leg.CONFIGURING: {
        realtime.SessionUpdated: Leg.STANDBY,
        realtime.Error: Leg.CONFIGURING,
        realtime.Closed: Leg.GONE,
    },
    Leg.STANDBY: {
        realtime.SessionUpdated: Leg.STANDBY,
        realtime.SessionLasted: Leg.STANDBY,
        realtime.Error: Leg.STANDBY,
        realtime.Closed: Leg.GONE,
    },
    Leg.READY: {
        realtime.SessionUpdated: Leg.READY,
        realtime.SpeechStarted: Leg.READY,
        realtime.SpeechStopped: Leg.READY,
        realtime.InputAudioBufferCommitted: Leg.READY,
        realtime.InputTranscribed: Leg.READY,
        realtime.ResponseCreated: Leg.READY,
        realtime.OutputAudioDelta: Leg.READY,
        realtime.OutputAudioDone: Leg.READY,
        realtime.OutputTranscriptDelta: Leg.READY,
        realtime.OutputTranscriptDone: Leg.READY,
        realtime.OutputItemDone: Leg.READY,
        realtime.ResponseDone: Leg.READY,
        realtime.SessionLasted: Leg.READY,
        realtime.Error: Leg.READY,
        realtime.Closed: Leg.GONE,
    },
}
"""GONE has no row: whatever comes from that session has no effect. READY is the one in use."""
