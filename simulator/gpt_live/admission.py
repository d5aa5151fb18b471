"""Who gets in: what GPT-Live makes of an upgrade request, and of the model that is asked for.

Owns the order of the checks and their answers. Keys are compared, never shown.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.model.admission import TurnedAway, key_of
from simulator.model.errors import Problem
from simulator.scenario.format import ModelSetup
from simulator.websocket import HandshakeRequest

# fidelity: documented gpt-live.md 1 - OpenAI's path, and Azure's
DOORS: Final = {"/v1/live/sessions": False, "/openai/v1/live/sessions": True}
MODELS: Final = ("gpt-live-",)


def refused_at_the_door(request: HandshakeRequest, setup: ModelSetup) -> TurnedAway | None:
    """An HTTP answer instead of the 101, or None: come in."""
    # fidelity: inferred gpt-live.md 6 [knob: model.refuse] - what is wrong with the key shows as an
    #   HTTP status, not after the 101
    if setup.refuse is not None and setup.refuse.startswith("http_"):
        return TurnedAway(int(setup.refuse.removeprefix("http_")))
    if setup.refuse in ("invalid_api_key", "no_authorization"):
        return TurnedAway(401)
    is_azure = DOORS.get(urlsplit(request.path).path.rstrip("/"))
    if is_azure is None:
        return TurnedAway(404)
    key = key_of(request, is_azure=is_azure)
    is_wrong = setup.require_key is not None and key != setup.require_key
    return TurnedAway(401) if not key or is_wrong else None


def refused_at_the_start(session: Mapping[str, Any], setup: ModelSetup) -> Problem | None:
    """An error that ends a session before it has begun, or None: it begins."""
    model = session["model"]
    # fidelity: observed gpt-live.md 6 [knob: model.refuse] - an empty account and a model without
    #   access are an error instead of session.started
    if setup.refuse == "insufficient_quota":
        return Problem("insufficient_quota", "You exceeded your current quota.")
    known = isinstance(model, str) and model.startswith(MODELS)
    if setup.refuse is not None or not known:
        message = f"The model `{model}` does not exist or you do not have access to it."
        return Problem("model_not_found", message, "session.model")
    return None
