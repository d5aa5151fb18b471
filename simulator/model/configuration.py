"""A session's configuration: what a fresh session has, what an update may change, what is echoed.

Owns the values. Knows no event and no time. An update is applied whole or not at all.
"""

import copy
from typing import Any, Final, cast

from simulator.model.errors import Refused, fixed_field, voice_is_fixed
from simulator.model.fields import unsupported
from simulator.model.formats import ENCODINGS, Encoding
from simulator.scenario.format import VadSetup
from simulator.speech import Detection, SemanticVad, ServerVad

Values = dict[str, Any]

# fidelity: inferred realtime.md 3.1 - the default instructions, of which a few words are recorded
DEFAULT_INSTRUCTIONS: Final = (
    "You are a helpful, witty, and friendly AI. Act like a human, but remember that you aren't a "
    "human. Your voice and personality should be warm and engaging, with a lively tone. "
    "Talk quickly. You should always call a function if you can."
)

# fidelity: observed realtime.md 0, 3.1 - silence_duration_ms is 200 on the wire; the docs say 500
SERVER_VAD: Final[Values] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
# fidelity: documented realtime.md 3.1 - semantic_vad begins with eagerness auto
SEMANTIC_VAD: Final[Values] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
LOGPROBS: Final = "item.input_audio_transcription.logprobs"
DETECTION_DEFAULTS: Final = {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}

# fidelity: observed realtime.md 3.1 - the settings of a fresh session
DEFAULTS: Final[Values] = {
    "output_modalities": ["audio"],
    "instructions": DEFAULT_INSTRUCTIONS,
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": SERVER_VAD,
        },
        "output": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "voice": "alloy",
            "speed": 1.0,
        },
    },
    "include": None,
}


ANSWERING: Final = ("create_response", "interrupt_response", "idle_timeout_ms")
"""Of turn detection: what a session that never answers does not have."""
LIVE_TRANSCRIPTION: Final = "gpt-realtime-whisper"


class Configuration:
    """The values in force. `only_transcribes`: the session writes down, and never answers."""

    def __init__(
        self, model: str, session_id: str, expires_at_s: int, *, only_transcribes: bool = False
    ) -> None:
        self.only_transcribes = only_transcribes
        self._head: Values = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
        }
        self._expires_at_s = expires_at_s
        self._values: Values = copy.deepcopy(DEFAULTS)

    def echo(self) -> Values:
        """The whole session object, as session.created and session.updated carry it."""
        # fidelity: observed realtime.md 3.1 - session.updated echoes the whole session
        if self.only_transcribes:
            return self._echo_of_transcription()
        return {**self._head, **self._values, "expires_at": self._expires_at_s}

    def _echo_of_transcription(self) -> Values:
        # fidelity: inferred realtime.md 1 - a transcription session is its input and `include`, as
        #   the openai package has it
        heard = dict(self._values["audio"]["input"])
        if heard["turn_detection"] is not None:
            turn = heard["turn_detection"].items()
            heard["turn_detection"] = {name: v for name, v in turn if name not in ANSWERING}
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": self._head["id"],
            "expires_at": self._expires_at_s,
            "audio": {"input": heard},
            "include": self._values["include"],
        }

    def update(
        self,
        changes: Values,
        *,
        has_spoken: bool = False,
        speaks: bool = False,
        fixed_formats: tuple[str, ...] = (),
    ) -> None:
        """Apply a checked `session` object; omitted fields keep their values.

        Args:
            changes: what the client sent.
            has_spoken: the model has spoken, so its voice stays.
            speaks: a response is under way, so its speed stays.
            fixed_formats: the sides (input, output) whose audio format stays.

        Raises:
            Refused: one field cannot be changed; then none is.
        """
        self._refuse_fixed(changes, has_spoken)
        # fidelity: documented realtime.md 3.1 - the speed changes between turns only
        # fidelity: inferred realtime.md 3.1 - the error for another speed while a response runs
        speed = changes.get("audio", {}).get("output", {}).get("speed", self.speed)
        if speaks and speed != self.speed:
            raise Refused(fixed_field("session.audio.output.speed"))
        self._refuse_formats(changes, fixed_formats)
        merged = copy.deepcopy(self._values)
        for name, value in changes.items():
            if name == "audio":
                _merge_audio(merged["audio"], value)
            elif name not in self._head:
                merged[name] = _cleared(name, value)
        if self.only_transcribes:
            _refuse_detection(merged["audio"]["input"])
        self._values = merged

    def _refuse_fixed(self, changes: Values, has_spoken: bool) -> None:
        voice = changes.get("audio", {}).get("output", {}).get("voice", self.voice)
        # fidelity: observed realtime.md 3.1 - after speech another voice is refused, the same one
        #   is not
        if has_spoken and voice != self.voice:
            raise Refused(voice_is_fixed())
        # fidelity: documented realtime.md 3.1 - the model of a session is immutable
        if changes.get("model", self.model) != self.model:
            raise Refused(fixed_field("session.model"))
        tracing = self._values["tracing"]
        if tracing is not None and changes.get("tracing", tracing) != tracing:
            raise Refused(fixed_field("session.tracing"))
        only_one_modality(changes, "session")

    def _refuse_formats(self, changes: Values, sides: tuple[str, ...]) -> None:
        # fidelity: inferred realtime.md 3.1 [knob: model.format_change] - another audio format in
        #   mid-call is accepted
        for side in sides:
            new = changes.get("audio", {}).get(side, {}).get("format")
            if new is not None and new["type"] != self._values["audio"][side]["format"]["type"]:
                raise Refused(fixed_field(f"session.audio.{side}.format"))

    @property
    def model(self) -> str:
        """The model's name."""
        return cast("str", self._head["model"])

    @property
    def voice(self) -> Any:
        """The voice: a name or an object with an id."""
        return self._values["audio"]["output"]["voice"]

    @property
    def instructions(self) -> str:
        """The system's instructions."""
        return cast("str", self._values["instructions"])

    @property
    def tools(self) -> list[Values]:
        """The tools on offer."""
        return cast("list[Values]", self._values["tools"])

    @property
    def prompt(self) -> Values | None:
        """The stored prompt that is used, if one is."""
        return cast("Values | None", self._values["prompt"])

    @property
    def tool_choice(self) -> Any:
        """`auto`, `none`, `required` or a named function."""
        return self._values["tool_choice"]

    @property
    def modalities(self) -> list[str]:
        """`["audio"]` or `["text"]`."""
        return cast("list[str]", self._values["output_modalities"])

    @property
    def tokens_max(self) -> int | str:
        """The limit of output tokens of a response."""
        return cast("int | str", self._values["max_output_tokens"])

    @property
    def output_format(self) -> Values:
        """The format object of the model's audio."""
        return cast("Values", self._values["audio"]["output"]["format"])

    @property
    def speed(self) -> float:
        """How much faster than usual the model speaks."""
        return cast("float", self._values["audio"]["output"]["speed"])

    @property
    def noise_reduction(self) -> Values | None:
        """What is done to the caller's audio before anybody listens to it; None = nothing."""
        return cast("Values | None", self._values["audio"]["input"]["noise_reduction"])

    @property
    def input_encoding(self) -> Encoding:
        """How the caller's audio is encoded."""
        return ENCODINGS[self._values["audio"]["input"]["format"]["type"]]

    @property
    def transcription(self) -> Values | None:
        """How the caller's words are written down; None = they are not."""
        return cast("Values | None", self._values["audio"]["input"]["transcription"])

    @property
    def has_logprobs(self) -> bool:
        """Whether transcripts come with the probability of each token."""
        return LOGPROBS in (self._values["include"] or ())

    @property
    def truncation(self) -> Any:
        """What becomes of a conversation longer than the context: auto, disabled or a ratio."""
        return self._values["truncation"]

    @property
    def has_parallel_calls(self) -> bool:
        """Whether the model may call several tools in one response."""
        return cast("bool", self._values.get("parallel_tool_calls", True))

    @property
    def turn_detection(self) -> Values | None:
        """The turn_detection object; None = the client commits by hand."""
        return cast("Values | None", self._values["audio"]["input"]["turn_detection"])

    def detection(self, vad: VadSetup) -> Detection | None:
        """The same for the voice activity engine, with the scenario's knobs."""
        turn = self.turn_detection
        if turn is None:
            return None
        if turn["type"] == "semantic_vad":
            return SemanticVad(turn["eagerness"], vad.sentence_ms, vad.complete_wait_ms)
        return ServerVad(turn["threshold"], turn["prefix_padding_ms"], turn["silence_duration_ms"])


def only_one_modality(changes: Values, where: str) -> None:
    """Refuse a session or response that wants both, or nothing."""
    # fidelity: documented realtime.md 3.1 - a session or response is audio or text, never both
    modalities = changes.get("output_modalities", ["audio"])
    if len(modalities) != 1:
        raise unsupported(f"{where}.output_modalities", modalities, ("['text']", "['audio']"))


def _refuse_detection(heard: Values) -> None:
    # fidelity: documented - openai-python 3.52: gpt-realtime-whisper transcribes without turn
    #   detection, which must be null
    transcription = heard["transcription"] or {}
    if transcription.get("model") == LIVE_TRANSCRIPTION and heard["turn_detection"] is not None:
        raise unsupported("session.audio.input.turn_detection", heard["turn_detection"]["type"],
                          ("null",))  # fmt: skip


def _cleared(name: str, value: Any) -> Any:
    # fidelity: documented realtime.md 3.1 - settings are cleared with "", [] or null
    empty: Values = {"instructions": "", "tools": []}
    return empty[name] if value is None and name in empty else value


def _merge_audio(audio: Values, changes: Values) -> None:
    for side, fields in changes.items():
        for name, value in fields.items():
            old = audio[side][name]
            if name == "turn_detection" and value is not None:
                # fidelity: observed realtime.md 3.1 - turn_detection is merged field by field
                same = old is not None and old["type"] == value["type"]
                base = old if same else DETECTION_DEFAULTS[value["type"]]
                audio[side][name] = {**base, **value}
            elif name == "format" and value["type"] == "audio/pcm":
                audio[side][name] = {"type": "audio/pcm", "rate": 24000}
            elif name in {"transcription", "noise_reduction"} and value is not None:
                audio[side][name] = {**(old or {}), **value}
            else:
                audio[side][name] = value
