"""Who gets in: what the server makes of an upgrade request.

Owns the order of the checks and their answers. OpenAI checks after the 101: a client that is
refused has been connected. Keys are compared, never shown.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from simulator.model.errors import BETA_SHAPE, INVALID_REQUEST, Problem
from simulator.scenario.format import ModelSetup
from simulator.websocket import HandshakeRequest

PATH: Final = "/v1/realtime"
MODELS: Final = (
    *("gpt-realtime", "gpt-audio", "gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview"),
)

AUTH_CLOSE: Final = 3000
REQUEST_CLOSE: Final = 4000
ACCESS_CLOSE: Final = 4004

PHRASES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The session is opened, with this model."""

    model: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """After the 101: an error event and a close, in the same tick."""

    problem: Problem
    close_code: int

    @property
    def reason(self) -> str:
        """The close frame's reason."""
        # fidelity: observed realtime.md 1 (admission after 101)
        code = self.problem.code
        return INVALID_REQUEST if code is None else f"{INVALID_REQUEST}.{code}"


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An HTTP answer instead of the 101."""

    status: int


Verdict = Admitted | Rejected | TurnedAway

# fidelity: observed realtime.md 1 (admission after 101)
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
    # fidelity: inferred realtime.md 1 (one source for code and close code, none for the words)
    text = f"The model `{model}` does not exist or you do not have access to it."
    return Rejected(Problem("model_not_found", text), ACCESS_CLOSE)


def admit(request: HandshakeRequest, setup: ModelSetup) -> Verdict:
    """Judge an upgrade: the scenario's refusal first, then the server's own rules."""
    url = urlsplit(request.path)
    model = parse_qs(url.query).get("model", [""])[0]
    if setup.refuse is not None and setup.refuse != "insufficient_quota":
        return _told(setup.refuse, model)
    if url.path.rstrip("/") != PATH:
        return TurnedAway(404)
    # fidelity: observed realtime.md 0 (the beta protocol is switched off)
    if "openai-beta" in request.headers:
        return _BETA
    authorization = request.headers.get("authorization", "")
    if not authorization:
        return _NO_KEY
    # fidelity: documented realtime.md 1 (headers)
    if setup.require_key is not None and authorization != f"Bearer {setup.require_key}":
        return _BAD_KEY
    if not model:
        return _NO_MODEL
    if not model.startswith(MODELS):
        return _unknown_model(model)
    return Admitted(model)


def _told(refuse: str, model: str) -> Verdict:
    """The refusal a scenario asks for."""
    if refuse.startswith("http_"):
        # fidelity: observed realtime.md 1 (403); inferred (429 and others at the upgrade)
        return TurnedAway(int(refuse.removeprefix("http_")))
    return {
        "invalid_api_key": _BAD_KEY,
        "no_authorization": _NO_KEY,
        "missing_model": _NO_MODEL,
        "invalid_model": _unknown_model(model),
        "model_not_found": _no_access(model),
        "beta_api_shape_disabled": _BETA,
    }[refuse]
