"""Which agent a call gets, at the webhook and at the stream; and what it does to the call."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from bridge.agents.choosing import ParametersMissing, UnknownAgent
from bridge.app import make_app
from bridge.cli import main
from bridge.core.call import Call
from bridge.core.commands import EndReason
from bridge.core.plan import CallPlan
from bridge.outside import Outside
from bridge.service import BridgeApp
from bridge.settings import Settings
from tests.agent_files import read
from tests.far_ends import CALL, KEY, FarRealtime, FarTwilio, Lines, outside, settings
from tests.record_parts import Kept

OURS, THEIRS, SALES = "+15550100020", "+15550100001", "+15550100030"
FILES = {
    "guests": f'numbers: ["{OURS}"]\nmodel: gpt-realtime-mini\nvoice: ash\ninstructions: Be kind.',
    "sales": f'numbers: ["{SALES}"]\nparameters: [name]\ngreeting: Hello {{name}}!',
}


@pytest.mark.parametrize(
    ("form", "requested", "chosen"),
    [
        ({"Direction": "inbound", "From": THEIRS, "To": OURS}, "", ("guests", "inbound")),
        ({"Direction": "inbound", "From": OURS, "To": THEIRS}, "", ("default", "inbound")),
        ({"Direction": "outbound-api", "From": OURS, "To": THEIRS}, "", ("guests", "outbound")),
        ({"Direction": "outbound-api", "From": THEIRS, "To": OURS}, "", ("default", "outbound")),
        ({"Direction": "inbound", "To": OURS}, "sales", ("sales", "inbound")),
        ({"Direction": "inbound", "To": OURS}, "default", ("default", "inbound")),
        ({}, "", ("default", "inbound")),
    ],
)
def test_who_takes_a_call(
    tmp_path: Path, form: dict[str, str], requested: str, chosen: tuple[str, str]
) -> None:
    """Who is asked for; else whose number it is; else the default."""
    choice = read(tmp_path, FILES).of_call(form, requested)

    assert (choice.agent.name, choice.direction) == chosen


def test_the_choice_travels_to_the_stream(tmp_path: Path) -> None:
    """In two parameters, in none for the settings' own agent; either way it arrives."""
    agents = read(tmp_path, FILES)
    choice = agents.of_call({"Direction": "outbound-api", "From": OURS})

    assert choice.parameters == {"Agent": "guests", "Direction": "outbound"}
    assert agents.of_stream(choice.parameters) == choice
    assert agents.of_call({}).parameters == {}
    assert agents.of_stream({}) == agents.of_call({})


def test_nobody_of_this_name(tmp_path: Path) -> None:
    """The name is repeated, shortened, with the one that was meant."""
    agents = read(tmp_path, FILES)
    with pytest.raises(UnknownAgent, match=r"no agent `guest`; did you mean `guests`\?"):
        agents.named("guest")
    with pytest.raises(UnknownAgent) as wrong:
        agents.of_stream({"Agent": "\n" + "x" * 99})

    assert str(wrong.value) == f"there is no agent ` {'x' * 59}…`"


def test_a_call_that_brings_too_little(tmp_path: Path) -> None:
    """The missing names are told."""
    choice = read(tmp_path, FILES).of_call({}, "sales")
    with pytest.raises(ParametersMissing, match="the agent `sales` needs the parameters name"):
        choice.plan({"nam": "Anna"})

    assert choice.plan({"name": "Anna"}).greeting.startswith("Hello ⟦Anna⟧!")


# ------------------------------------------------------------------------- the webhook
def app_with(folder: Path, files: dict[str, str] | None = None, **given: Any) -> BridgeApp:
    """A bridge with these agents."""
    read(folder, FILES if files is None else files)
    return make_app(settings(agents_dir=folder, **given), outside=Outside(log=Lines().keep))


async def parameters_of(app: BridgeApp, query: str = "", **form: str) -> dict[str, str] | int:
    """What the stream of such a call would be told, without the token; or the refusal's status."""
    answer = await app.test_client().post(
        f"/incoming-call{query}", form={"CallSid": CALL, "Direction": "inbound", **form}
    )
    if answer.status_code != 200:
        return answer.status_code
    document = ET.fromstring(await answer.get_data(as_text=True))
    found = {str(at.get("name")): str(at.get("value")) for at in document.iter("Parameter")}
    assert found.pop("token")
    return found


async def test_the_webhook_chooses(tmp_path: Path) -> None:
    """By the called number, by the URL; `agent` itself does not travel."""
    app = app_with(tmp_path)
    inbound = {"Direction": "inbound"}

    assert await parameters_of(app, To=OURS) == {"Agent": "guests", **inbound}
    assert await parameters_of(app, "?agent=guests&lang=de", To=THEIRS) == {
        "Agent": "guests",
        "lang": "de",
        **inbound,
    }
    assert await parameters_of(app, To=THEIRS) == {}
    assert await parameters_of(app, "?agent=sales&name=Zoe") == {
        "Agent": "sales",
        "name": "Zoe",
        **inbound,
    }


async def test_parameters_of_a_callers_client(tmp_path: Path) -> None:
    """They come in the form, in small letters; the URL is the operator's and wins."""
    app = app_with(tmp_path)

    assert await parameters_of(app, agent="guests", lang="de") == {
        "Agent": "guests",
        "Direction": "inbound",
        "lang": "de",
    }
    told = await parameters_of(app, "?agent=sales&name=Zoe", agent="guests", name="Eve")
    assert told == {"Agent": "sales", "Direction": "inbound", "name": "Zoe"}


@pytest.mark.parametrize("query", ["?agent=nobody", "?agent=sales", "?agent=sales&name=%20"])
async def test_a_call_that_no_agent_takes(tmp_path: Path, query: str) -> None:
    """An unknown agent, a missing parameter: refused, and no place is held for it."""
    app = app_with(tmp_path, max_calls=1)

    assert await parameters_of(app, query) == 404
    assert await parameters_of(app, "?agent=guests") != 404


async def test_without_files_nothing_changes(tmp_path: Path) -> None:
    """`agent` is a parameter as any other, and nothing is added."""
    app = app_with(tmp_path, {})

    assert await parameters_of(app, "?agent=billing", To=OURS) == {"agent": "billing"}


# ------------------------------------------------------------------------- the stream
async def call_of(app: BridgeApp, **parameters: str) -> None:
    """One call of a second with these stream parameters."""
    async with app.test_client().websocket("/media-stream") as websocket:
        twilio = FarTwilio(websocket)
        await twilio.begin(app.services.tokens.issue(CALL), **parameters)
        await trio.sleep(1)


async def test_an_agents_call(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Its model is in the session's URL, its voice and words in the session; records know it."""
    read(tmp_path, FILES)
    kept, lines = Kept(), Lines()
    async with trio.open_nursery() as nursery:
        realtime = FarRealtime(nursery)
        app = make_app(
            settings(agents_dir=tmp_path), outside=outside(realtime, lines), records=kept
        )
        await call_of(app, Agent="guests", Direction="inbound")
        await lines.over.wait()
        nursery.cancel_scope.cancel()
    session = realtime.heard[0]["session"]

    assert realtime.paths == ["/v1/realtime?model=gpt-realtime-mini"]
    assert session["audio"]["output"]["voice"] == "ash"
    assert session["instructions"] == "Be kind."
    assert [(one.agent, one.model) for one in kept] == [("guests", "gpt-realtime-mini")]
    (chosen,) = lines.all("agent_chosen")
    assert (chosen["agent"], chosen["direction"]) == ("guests", "inbound")


@pytest.mark.parametrize("parameters", [{"Agent": "nobody"}, {"Agent": "sales"}])
async def test_a_stream_that_no_agent_takes(
    tmp_path: Path, autojump_clock: MockClock, parameters: dict[str, str]
) -> None:
    """As after a webhook that another process answered: refused, and no session is opened."""
    read(tmp_path, FILES)
    lines = Lines()
    async with trio.open_nursery() as nursery:
        realtime = FarRealtime(nursery)
        app = make_app(settings(agents_dir=tmp_path), outside=outside(realtime, lines))
        await call_of(app, **parameters)
        await lines.over.wait()
        nursery.cancel_scope.cancel()

    assert lines.ended["reason"] == "stream_refused"
    assert realtime.opened == 0


# ------------------------------------------------------------------------- the core
def test_a_call_follows_another_plan_from_its_beginning() -> None:
    """The longest time counts from when the call began, not from when its agent was known."""
    call = Call(CallPlan(call_max_s=3000), 100.0)
    call.follow(CallPlan(call_max_s=7, start_timeout_s=60))

    assert call.deadline == 107
    call.expire(107)
    assert call.record.reason is EndReason.LIMIT


# ------------------------------------------------------------------------- the command line
def test_check_shows_the_agents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line each; a wrong file is told with its place, and the exit code is that of settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "agents").mkdir()
    read(tmp_path / "agents", FILES)
    env = tmp_path / "x.env"
    env.write_text(f"OPENAI_API_KEY={KEY}\nAGENTS_DIR={tmp_path / 'agents'}\n", "utf-8")
    code = main(["check", "--env-file", str(env)])
    shown = capsys.readouterr().out.splitlines()
    wrong = tmp_path / "agents" / "wrong.agent.yaml"
    wrong.write_text("voise: ash", "utf-8")
    codes = [main([name, "--env-file", str(env)]) for name in ("check", "serve")]
    complaints = capsys.readouterr().err.splitlines()

    assert code == 0
    assert [line.partition(":")[0] for line in shown if line.startswith("agent ")] == [
        "agent default",
        "agent guests",
        "agent sales",
    ]
    assert codes == [2, 2]
    assert f"{wrong}:1:1: unknown key `voise` (did you mean `voice`?)" in complaints
    assert json.dumps(complaints).count("voise") == 2
