"""The TwiML verbs this Twilio knows: one small class each, listed in `VERBS`.

A new verb is a new class and its line in `VERBS`; whatever is not listed there is skipped with
warning 12200.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.phone.verbs.dialing import Dial
from simulator.phone.verbs.gathering import Gather
from simulator.phone.verbs.leaving import Hangup, Redirect, Reject
from simulator.phone.verbs.speaking import Pause, Play, Say
from simulator.phone.verbs.streaming import Connect, Start, Stop_
from simulator.phone.verbs.verb import Verb

VERBS: Mapping[str, type[Verb]] = {
    "Connect": Connect,
    "Dial": Dial,
    "Gather": Gather,
    "Hangup": Hangup,
    "Pause": Pause,
    "Play": Play,
    "Redirect": Redirect,
    "Reject": Reject,
    "Say": Say,
    "Start": Start,
    "Stop": Stop_,
}
