"""Who gets in: what the server makes of an upgrade request.

Owns the order of the checks and their answers. OpenAI checks after the 101: a client that is
refused has been connected. Keys are compared, never shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from simulator.model.errors import BETA_SHAPE, INVALID_REQUEST, Problem
from simulator.scenario.format import ModelSetup
from simulator.websocket import HandshakeRequest

PROTOCOL: Final = "realtime"
KEY_PROTOCOL: Final = "openai-insecure-api-key."
BETA_PROTOCOL: Final = "openai-beta.realtime-v1"
MODELS: Final = (
    *("gpt-realtime", "gpt-audio", "gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview"),
)

XAI_MODELS: Final = "grok-voice-"

AUTH_CLOSE: Final = 3000
REQUEST_CLOSE: Final = 4000
ACCESS_CLOSE: Final = 4004


@dataclass(frozen=True, slots=True)
class Door:
    """A path that leads in: whose it is, and which query parameter names the model.

    `dialect` "" = whatever the server speaks.
    """

    is_azure: bool = False
    model: str = "model"
    dialect: str = ""


# fidelity: documented realtime.md 1, 8 - OpenAI's path, and Azure's two
DOORS: Final = {
    "/v1/realtime": Door(),
    "/openai/v1/realtime": Door(is_azure=True, dialect="ga"),
    "/openai/realtime": Door(is_azure=True, model="deployment", dialect="beta"),
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The session is opened, with this model; or it only transcribes, with none."""

    model: str
    only_transcribes: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """After the 101: an error event and a close, in the same tick."""

    problem: Problem
    close_code: int

    @property
    def reason(self) -> str:
        """The close frame's reason."""
        # fidelity: observed realtime.md 1 - admission is checked after the 101: an error, and a
        #   close whose reason repeats it
        code = self.problem.code
        return INVALID_REQUEST if code is None else f"{INVALID_REQUEST}.{code}"


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An HTTP answer instead of the 101."""

    status: int


Verdict = Admitted | Rejected | TurnedAway

# fidelity: observed realtime.md 1 - admission is checked after the 101: an error, and a close whose
#   reason repeats it
_BAD_KEY: Final = Rejected(
    Problem(
        "invalid_api_key",
        "Incorrect API key provided: ****. "
        "You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
    AUTH_CLOSE,
)
_NO_KEY: Final = Rejected(
    Problem(None, "Missing bearer or basic authentication in header"), AUTH_CLOSE
)
_BETA: Final = Rejected(BETA_SHAPE, REQUEST_CLOSE)
# fidelity: inferred realtime.md 3.2 - a beta server refuses clients without the beta header, in
#   these words
_NO_BETA: Final = Rejected(
    Problem(
        "missing_beta_header",
        "You must provide the beta header to access the Realtime API. "
        "Please add 'OpenAI-Beta: realtime=v1' to your request.",
    ),
    REQUEST_CLOSE,
)
_NO_MODEL: Final = Rejected(
    Problem(
        "missing_model",
        "You must provide a model parameter, for example "
        "wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5",
    ),
    REQUEST_CLOSE,
)


def _unknown_model(model: str) -> Rejected:
    text = f'Model "{model}" is not supported in realtime mode.'
    return Rejected(Problem("invalid_model", text), REQUEST_CLOSE)


def _no_access(model: str) -> Rejected:
    # fidelity: inferred realtime.md 1 - a model without access is refused with close 4004, in these
    #   words
    text = f"The model `{model}` does not exist or you do not have access to it."
    return Rejected(Problem("model_not_found", text), ACCESS_CLOSE)


def _no_such_call(call_id: str) -> Rejected:
    # fidelity: documented realtime.md 1 - call_id attaches a sideband to a SIP or WebRTC call
    # fidelity: inferred realtime.md 1 - here there are none, so every id is unknown, in these words
    text = f"No call with the id '{call_id[:80]}' is in progress."
    return Rejected(Problem("call_id_not_found", text, "call_id"), REQUEST_CLOSE)


def admit(request: HandshakeRequest, setup: ModelSetup) -> Verdict:
    """Judge an upgrade: the scenario's refusal first, then the server's own rules."""
    url = urlsplit(request.path)
    door = DOORS.get(url.path.rstrip("/"))
    query = parse_qs(url.query)
    model = query.get(door.model if door else "model", [""])[0]
    if setup.refuse is not None and setup.refuse != "insufficient_quota":
        return _told(setup.refuse, model)
    if door is None or (door.dialect or setup.dialect) != setup.dialect:
        return TurnedAway(404)
    if not door.is_azure:
        refused = _wrong_dialect(request, setup.dialect)
        if refused is not None:
            return refused
    key = key_of(request, is_azure=door.is_azure)
    # fidelity: documented realtime.md 1 [knob: model.require_key] - the key is a bearer in the
    #   Authorization header
    is_wrong = setup.require_key is not None and key != setup.require_key
    if door.is_azure and (not key or is_wrong):
        # fidelity: inferred realtime.md 1 - Azure's gateway refuses before the upgrade
        return TurnedAway(401)
    if not key:
        return _NO_KEY
    if is_wrong:
        return _BAD_KEY
    return _without_model(query, setup.dialect) or _with_model(model, is_azure=door.is_azure)


def _without_model(query: Mapping[str, list[str]], dialect: str) -> Verdict | None:
    """What becomes of an upgrade that is about no model; None = it is about one."""
    if "call_id" in query:
        return _no_such_call(query["call_id"][0])
    if query.get("intent") == ["transcription"]:
        # fidelity: inferred realtime.md 1 - a transcription session names its model in its
        #   configuration only; that of the beta protocol is not imitated
        return Admitted("", only_transcribes=True) if dialect == "ga" else TurnedAway(501)
    return None


def _with_model(model: str, *, is_azure: bool) -> Verdict:
    if not model:
        return TurnedAway(400) if is_azure else _NO_MODEL
    # fidelity: documented realtime.md 8 - on Azure the model is the name of a deployment
    if not is_azure and not model.startswith((*MODELS, XAI_MODELS)):
        return _unknown_model(model)
    return Admitted(model)


def _wrong_dialect(request: HandshakeRequest, dialect: str) -> Rejected | None:
    # fidelity: observed realtime.md 0 [knob: model.dialect] - the beta header is refused: that
    #   protocol is switched off
    asks_for_beta = "openai-beta" in request.headers or BETA_PROTOCOL in offered(request)
    if dialect != "beta":
        return _BETA if asks_for_beta else None
    return None if asks_for_beta else _NO_BETA


def offered(request: HandshakeRequest) -> list[str]:
    """The subprotocols a client offers, in its order."""
    listed = request.headers.get("sec-websocket-protocol", "").split(",")
    return [name.strip() for name in listed if name.strip()]


def agreed(request: HandshakeRequest) -> tuple[tuple[str, str], ...]:
    """The header that accepts the subprotocol `realtime`, if it is offered."""
    # fidelity: documented realtime.md 1 - browsers offer the subprotocol realtime and their key as
    #   another one
    is_offered = PROTOCOL in offered(request)
    return (("sec-websocket-protocol", PROTOCOL),) if is_offered else ()


def key_of(request: HandshakeRequest, *, is_azure: bool) -> str:
    """The API key a client shows: as a bearer, a subprotocol, or Azure's own header; "" = none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    if is_azure and request.headers.get("api-key"):
        return request.headers["api-key"]
    for name in offered(request):
        if name.startswith(KEY_PROTOCOL):
            return name.removeprefix(KEY_PROTOCOL)
    return ""


def _told(refuse: str, model: str) -> Verdict:
    """The refusal a scenario asks for."""
    if refuse.startswith("http_"):
        # fidelity: inferred realtime.md 1 [knob: model.refuse] - an HTTP status instead of the 101
        #   (403 was seen, others were not)
        return TurnedAway(int(refuse.removeprefix("http_")))
    return {
        "invalid_api_key": _BAD_KEY,
        "no_authorization": _NO_KEY,
        "missing_model": _NO_MODEL,
        "invalid_model": _unknown_model(model),
        "model_not_found": _no_access(model),
        "beta_api_shape_disabled": _BETA,
    }[refuse]
