"""What hypothesis draws: audio, names and peers' nonsense."""

import json
from typing import Any

from hypothesis import strategies as st

from bridge.core import realtime, twilio
from bridge.core.call import Inbound, LineReleased
from bridge.core.commands import LineTransferred, ToolAnswered

frames = st.binary(min_size=160, max_size=160)
"""Caller audio: one frame of 20 ms."""

names = st.text(alphabet="abc:_0123456789", min_size=1, max_size=8)
"""Names of marks, items and responses: few enough to meet again."""

ids = st.sampled_from(["r1", "r2", "i1", "i2"])

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)

_EVENTS = ["connected", "start", "media", "mark", "dtmf", "stop", "huh"]
_TYPES = [
    "session.created",
    "input_audio_buffer.speech_started",
    "response.created",
    "response.output_audio.delta",
    "response.audio.delta",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
    "error",
    "huh",
]


def _with(key: str, kinds: list[str]) -> st.SearchStrategy[str]:
    """JSON objects that say what they are, with bodies that may be nonsense."""
    bodies = st.dictionaries(
        st.sampled_from(["media", "mark", "dtmf", "start", "response", "item", "error", "delta"]),
        json_values,
        max_size=3,
    )
    return st.builds(
        lambda kind, body: json.dumps({key: kind} | body), st.sampled_from(kinds), bodies
    )


twilio_texts = _with("event", _EVENTS) | st.text() | st.binary()
realtime_texts = _with("type", _TYPES) | st.text() | st.binary()

positions_ms = st.sampled_from([0.0, 20.0, -5.0, 1e6, 1e308]) | st.floats(allow_nan=False)
"""A place in the caller's audio; a server may name any."""

audio = st.integers(0, 4000).map(lambda size: b"\x11" * size)

twilio_messages: st.SearchStrategy[Inbound] = st.one_of(
    st.just(twilio.Connected()),
    st.builds(
        twilio.Start,
        st.just("MZ1"),
        st.just("CA1"),
        st.just("AC1"),
        st.just({}),
        st.builds(twilio.MediaFormat, sample_rate=st.sampled_from([8000, 8000, 8000, 16000])),
    ),
    st.builds(twilio.Media, st.integers(0, 9999), st.integers(1, 99), frames | st.just(b"")),
    st.builds(twilio.Mark, names | st.sampled_from(["g1:probe", "g2:probe", "g2:i1:1600"])),
    st.builds(twilio.Dtmf, st.sampled_from("0123456789*#ABCD")),
    st.just(twilio.Stop()),
    st.just(twilio.Closed(1006)),
    st.builds(twilio.Unknown, names),
    st.just(twilio.Malformed("broken")),
)

_errors = st.builds(
    realtime.ErrorDetail,
    code=st.sampled_from(
        [None, "session_expired", "conversation_already_has_active_response", "invalid_value"]
    ),
    event_id=st.sampled_from([None, "cb_1", "cb_2", "cb_3"]),
)
_details = st.builds(
    realtime.StatusDetails,
    error=st.none() | st.builds(realtime.ErrorDetail, code=st.sampled_from(["x", None])),
)
_items = st.builds(
    realtime.OutputItem,
    type=st.sampled_from(["function_call", "message"]),
    status=st.sampled_from(["completed", "incomplete", None]),
    name=st.sampled_from(["end_call", "transfer_call", "collect_digits", "look_up", "other", None]),
    call_id=st.sampled_from(["call_1", "call_2", "call_3", None]),
    arguments=st.sampled_from(['{"destination":"the desk"}', '{"digits_max":2}', "{", None]),
)
_statuses = st.sampled_from(["completed", "cancelled", "failed", "incomplete", "huh"])

realtime_messages: st.SearchStrategy[Inbound] = st.one_of(
    st.just(realtime.SessionCreated()),
    st.just(realtime.SessionUpdated()),
    st.builds(realtime.SpeechStarted, st.none() | positions_ms),
    st.builds(realtime.SpeechStopped, st.none() | positions_ms),
    st.just(realtime.InputAudioBufferCommitted()),
    st.builds(realtime.ResponseCreated, st.builds(realtime.Response, ids)),
    st.builds(realtime.OutputAudioDelta, ids, ids, audio),
    st.builds(realtime.OutputAudioDone, ids, ids),
    st.builds(realtime.OutputItemDone, ids, _items),
    st.builds(
        realtime.ResponseDone,
        st.builds(
            realtime.FinishedResponse,
            ids,
            _statuses,
            st.none() | _details,
            st.none() | st.just(realtime.Usage(1, 2)),
        ),
    ),
    st.builds(realtime.Error, _errors),
    st.just(realtime.Closed(1001, "gone")),
    st.sampled_from(["rate_limits.updated", "response.huh", "huh"]).map(realtime.Unknown),
    st.just(realtime.Malformed("broken")),
)

messages: st.SearchStrategy[Inbound] = st.one_of(
    twilio_messages,
    realtime_messages,
    st.sampled_from([LineReleased("completed"), LineReleased("failed")]),
    st.builds(LineTransferred, st.sampled_from(["transferred", "already_over", "failed"])),
    st.builds(ToolAnswered, st.sampled_from(["call_1", "call_2", "huh"]), st.text(max_size=8)),
)
"""Anything at all, in any order: what a peer can send is more than what it should send."""
