"""Field bugs of legs and line: who is let in, how sockets and the phone line are let go.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import trio
from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

import bridge.routes.incoming
from bridge import legs, line_update, media_socket, twilio_rest
from bridge.call_token import CallTokens
from bridge.core import call, realtime, realtime_requests, realtime_session, twilio
from bridge.core.call import Call
from bridge.core.caller import Caller
from bridge.core.commands import EndReason
from bridge.core.model_side import ModelSide
from bridge.core.mulaw import FRAME_BYTES, SILENCE
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.realtime import Dialect, SessionUpdate, TurnDetectionUpdate
from bridge.core.sessions import Sessions
from bridge.core.stalls import Stalls
from bridge.engines.engine import Told
from bridge.legs import RealtimeLeg
from bridge.release import LineReleaser, Released


# -- who is let in --------------------------------------------------------------------------------
def token_not_checked(patch: MonkeyPatch) -> None:
    """Whoever knows the stream's address gets a paid session."""
    patch.setattr(CallTokens, "use", lambda self, token, call_sid: True)


def signature_not_checked(patch: MonkeyPatch) -> None:
    """Anyone may play Twilio."""
    patch.setattr(bridge.routes.incoming, "is_twilio", lambda *given: True)


# -- the session ----------------------------------------------------------------------------------
def no_mulaw_in_session_update(patch: MonkeyPatch) -> None:
    """The audio formats are left to their default, 24 kHz PCM: the caller hears noise."""
    session_body = realtime_session.session_body

    def planted(update: SessionUpdate | TurnDetectionUpdate, dialect: Dialect) -> dict[str, Any]:
        body = session_body(update, dialect)
        for way in body["audio"].values():
            way.pop("format", None)
        return body

    patch.setattr(realtime_requests, "session_body", planted)


def audio_before_the_configuration(patch: MonkeyPatch) -> None:
    """The first audio is sent before session.update: it is taken for 24 kHz PCM."""
    configure = Outbox.configure

    def planted(self: Outbox, plan: CallPlan, *, beside: bool = False) -> None:
        self._commands.append(realtime.InputAudioBufferAppend("cb_0", SILENCE * FRAME_BYTES))
        configure(self, plan, beside=beside)

    patch.setattr(Outbox, "configure", planted)


def error_ends_the_call(patch: MonkeyPatch) -> None:
    """Any error event is taken for the end, though most leave the session open."""

    def planted(self: ModelSide, *_: object) -> EndReason:
        return EndReason.REALTIME_LOST

    patch.setattr(ModelSide, "_error", planted)


def lost_session_not_noticed(patch: MonkeyPatch) -> None:
    """The model's socket breaks, and the caller is left in silence."""
    patch.setattr(ModelSide, "_closed", lambda self, closed, leg, now: None)


def deaf_session_kept(patch: MonkeyPatch) -> None:
    """A server that takes nothing any more is waited for until a queue is full."""
    patch.setattr(legs, "SEND_S_MAX", inf)


def dead_session_not_noticed(patch: MonkeyPatch) -> None:
    """A server that owes nothing is never asked whether it is still there."""
    patch.setattr(legs, "PING_EVERY_S", inf)


def broken_session_still_spoken_to(patch: MonkeyPatch) -> None:
    """The session breaks while the next one comes up, and nobody says which is spoken to now."""
    lost = Sessions.lost

    def planted(self: Sessions, now: float) -> bool:
        coming, self.coming = self.coming, 0
        steady = lost(self, now)
        self.coming = coming
        return steady

    patch.setattr(Sessions, "lost", planted)


def quiet_line_not_asked(patch: MonkeyPatch) -> None:
    """A line that has said nothing for two minutes is dead: the caller may only be muted."""
    patch.setattr(call, "LINE_ANSWER_S", 0.0)


def long_speech_is_a_stall(patch: MonkeyPatch) -> None:
    """Nobody speaks for two minutes, so the model's server must have died."""

    def planted(self: Stalls, now: float) -> None:
        self._asked_at = -inf

    patch.setattr(Stalls, "_ask_for_a_sign", planted)


def deaf_session_believed(patch: MonkeyPatch) -> None:
    """What was sent counts as heard, though it lay in a buffer."""
    unheard = Caller.unheard
    patch.setattr(Caller, "unheard", lambda self, *, deaf: unheard(self, deaf=False))


def last_words_never_taken(patch: MonkeyPatch) -> None:
    """The call is over, and the server's reader waits for ever for somebody who takes a frame."""
    patch.setattr(media_socket, "CLOSE_S_MAX", 0.0)


def unreadable_message_ends_the_call(patch: MonkeyPatch) -> None:
    """What is no event of the model's is taken for the end of its connection."""
    decode = legs.RealtimeLeg.decode

    def planted(self: RealtimeLeg, text: str | None) -> Sequence[Told]:
        told = decode(self, text)
        unreadable = any(isinstance(event, realtime.Malformed) for _, event in told)
        return [(None, realtime.Closed(1007))] if unreadable else told

    patch.setattr(legs.RealtimeLeg, "decode", planted)


def refusal_not_noticed(patch: MonkeyPatch) -> None:
    """The session is refused after the 101, by an event which nobody reads."""
    patch.setattr(ModelSide, "_error", lambda self, error, leg, now: None)
    patch.setattr(ModelSide, "_closed", lambda self, closed, leg, now: None)


def session_leaked(patch: MonkeyPatch) -> None:
    """The caller hangs up, the tasks end, and nobody closes the model's socket."""

    async def planted(self: RealtimeLeg) -> None:
        await trio.lowlevel.checkpoint()

    patch.setattr(RealtimeLeg, "aclose", planted)


def session_closed_late(patch: MonkeyPatch) -> None:
    """The model's socket is closed when its far end has said goodbye, or two seconds later."""
    aclose = RealtimeLeg.aclose

    async def planted(self: RealtimeLeg) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        await aclose(self)

    patch.setattr(RealtimeLeg, "aclose", planted)


# -- the media stream and the line ----------------------------------------------------------------
def wrong_stream_sid(patch: MonkeyPatch) -> None:
    """The call's sid stands where the stream's belongs: Twilio drops every message."""
    started = Call._started

    def planted(self: Call, start: twilio.Start, now: float) -> None:
        started(self, start, now)
        self._outbox.stream_sid = start.call_sid

    patch.setattr(Call, "_started", planted)


def audio_with_a_file_header(patch: MonkeyPatch) -> None:
    """Audio is sent with the header of a WAV file in front: a click for each piece."""
    play = Outbox.play

    def planted(self: Outbox, pieces: list[Any]) -> None:
        play(self, [type(piece)(b"RIFF" * 11 + piece.audio, piece.mark) for piece in pieces])

    patch.setattr(Outbox, "play", planted)


def line_released_twice(patch: MonkeyPatch) -> None:
    """Two parts of the bridge hang up, each for itself."""
    release_line = LineReleaser.release

    async def planted(self: LineReleaser, call_sid: str) -> Released:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(release_line, self, call_sid)
            return await release_line(self, call_sid)

    patch.setattr(LineReleaser, "release", planted)


def over_call_released_again_and_again(patch: MonkeyPatch) -> None:
    """404 and 21220 are failures, to be repeated until they go away. They never do."""
    patch.setattr(line_update, "CALL_IS_OVER", frozenset())
    patch.setattr(twilio_rest, "_worth_another_try", lambda status: status >= 400)


def busy_twilio_not_asked_again(patch: MonkeyPatch) -> None:
    """A 429 or a 503 is the last word: the line stays up."""
    patch.setattr(twilio_rest, "_worth_another_try", lambda status: False)


def line_never_released(patch: MonkeyPatch) -> None:
    """The release fails, and the stream is kept open in spite of it."""

    async def planted(self: LineReleaser, call_sid: str) -> Released:
        await trio.sleep(3600)
        return Released("failed")

    patch.setattr(LineReleaser, "release", planted)
    patch.setattr("bridge.core.line.RELEASE_TIMEOUT_S", 3600.0)
