"""Writes a recorded call down as a scenario: YAML, the caller's recording, the model's sounds.

Owns what becomes of each fact of a record, and says what is left out. Numbers are those of the
scenario format's own callers; nothing of the record names anybody. Knows no bridge.
"""

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from simulator.imports.caller_sound import caller_sound, write_wav
from simulator.imports.decisions import counts, decisions_of_record
from simulator.imports.flight_record import FlightRecord, Moment, UnusableRecord
from simulator.imports.network import Links, links_of
from simulator.imports.replies import Replies
from simulator.imports.story import Story, story_of
from simulator.scenario.names import SETTINGS

Values = dict[str, Any]
TLS_TRIPS: Final = 3
"""Round trips before session.created: TCP, TLS, the upgrade."""
LONGER_MS: Final = 30_000.0
SESSION_ENDS: Final = frozenset({"realtime_lost", "realtime_expired"})
ENDERS: Final = {"caller_hung_up": "caller"}
KEPT_ERRORS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: the scenario, and in words what of the record is not in it."""

    path: Path
    left_out: list[str] = field(default_factory=list)


def import_record(record: FlightRecord, folder: Path, name: str, why: str) -> Imported:
    """Write the scenario `name` into `folder`.

    Raises:
        UnusableRecord: the record has no audio, or no call.
        OSError: the folder cannot be written.
    """
    if not record.has_audio:
        raise UnusableRecord("the record is without audio: record the call with FLIGHT_AUDIO=true")
    story = story_of(record)
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.replace(" ", "-")
    links = links_of(record.moments)
    sound = caller_sound(record.moments)
    if not sound.audio:
        raise UnusableRecord("the caller was never heard: there is nothing to replay")
    recording = f"{stem}.caller.wav"
    write_wav(folder / recording, sound.audio)
    replies = Replies(folder, stem, 2 * (links.realtime_latency_ms or 0.0))
    for response in story.responses:
        replies.add(response)
    phone: Values = {"first_timestamp": _ms(sound.first_timestamp_ms)}
    if sound.suppressed:
        phone["dtx"] = True
    written: Values = {
        "name": name.replace("-", " "),
        "why": why,
        "tags": ["imported"],
        "agent": _agent(record, story),
        "phone": phone,
        "network": _network(story, links),
        "model": {"replies": replies.written, **_server(record, story, links)},
        "replay": {"recording": recording, "hang_up": _hang_up(story)},
        "stop_after": _ms(story.ended_ms - story.started_ms + LONGER_MS),
        "expect": _expect(record, story),
    }
    path = folder / f"{stem}.call.yaml"
    path.write_text(_yaml(written), "utf-8")
    return Imported(path, [*_left_out(record, story), *replies.left_out])


def _yaml(written: Values) -> str:
    yaml, text = YAML(), StringIO()
    yaml.width, yaml.allow_unicode = 110, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump({key: value for key, value in written.items() if value not in ({}, [])}, text)
    return text.getvalue()


def _ms(value: float) -> str:
    return f"{round(max(value, 0.0), 1):g}ms"


def _hang_up(story: Story) -> str:
    return "at_once" if story.reason == "caller_hung_up" and story.stopped else "stay"


def _agent(record: FlightRecord, story: Story) -> Values:
    settings = {name: text for name, text in record.settings.items() if name in SETTINGS}
    greeting = settings.pop("GREETING", None)
    if record.header.get("dialect") == "beta":
        settings["REALTIME_DIALECT"] = "beta"
    greets = any(response.asker == "greeting" for response in story.responses)
    agent: Values = {"greeting": greeting or greets}
    return {**agent, "settings": settings} if settings else agent


def _network(story: Story, links: Links) -> Values:
    network: Values = {}
    latency_ms = links.twilio_latency_ms
    if latency_ms is not None:
        pace: Values = {"latency": _ms(latency_ms)}
        jitter = {"jitter": _ms(links.twilio_jitter_ms)} if links.twilio_jitter_ms else {}
        network["twilio"] = {"to_bridge": {**pace, **jitter}, "from_bridge": pace.copy()}
    faults: list[Values] = [
        {
            "stall": _ms(stall.for_ms),
            "when": f"at {_ms(stall.at_ms - story.started_ms + (latency_ms or 0.0))}",
            "direction": "to_bridge",
        }
        for stall in links.stalls
    ]
    if not story.stopped and story.reason == "caller_hung_up":
        at_ms = story.ended_ms - story.started_ms + (latency_ms or 0.0)
        faults.append({"drop": True, "when": f"at {_ms(at_ms)}"})
    if faults:
        network.setdefault("twilio", {})["faults"] = faults
    if links.rest_latency_ms is not None:
        network["rest"] = {"from_bridge": {"latency": _ms(links.rest_latency_ms)}}
    if links.realtime_latency_ms is not None:
        network["realtime"] = {"latency": _ms(links.realtime_latency_ms)}
    return network


def _server(record: FlightRecord, story: Story, links: Links) -> Values:
    """How the model's server behaved beside its answers."""
    server: Values = {"dialect": "beta"} if record.header.get("dialect") == "beta" else {}
    trip_ms = 2 * (links.realtime_latency_ms or 0.0)
    first: dict[str, float] = {}
    for moment in record.moments:
        if moment.leg == "realtime":
            first.setdefault(f"{moment.way} {moment.kind}", moment.at_ms)
    connecting, created = first.get("note connecting"), first.get("in session.created")
    asked, ready = first.get("out session.update"), first.get("in session.updated")
    if connecting is not None and created is not None:
        server["connect_delay"] = _ms(created - connecting - TLS_TRIPS * trip_ms)
    if asked is not None and ready is not None:
        server["ready_delay"] = _ms(ready - asked - trip_ms)
    faults = [fault for moment in record.moments for fault in _fault(moment, story, trip_ms / 2)]
    if faults:
        server["faults"] = faults[:KEPT_ERRORS_MAX]
    return server


def _fault(moment: Moment, story: Story, latency_ms: float) -> list[Values]:
    """An error which nobody provoked, or the session's end while the call went on."""
    if moment.leg != "realtime":
        return []
    when = f"at {_ms(moment.at_ms - story.started_ms - latency_ms)}"
    if (moment.way, moment.kind) == ("in", "error"):
        error = moment.message.get("error") or {}
        if error.get("event_id") is None and error.get("code"):
            return [{"error": error["code"], "when": when}]
    lost = moment.at_ms < story.ended_ms or story.reason in SESSION_ENDS
    if (moment.way, moment.kind) == ("note", "closed") and lost and not moment.message.get("ours"):
        code, number = moment.message.get("code"), moment.message.get("session")
        broke = not isinstance(code, int) or code == 1006
        fault = {"drop": True, "when": when} if broke else {"close": code, "when": when}
        return [fault if number is None else {**fault, "session": number}]
    return []


def _expect(record: FlightRecord, story: Story) -> Values:
    """What was decided then is expected of today's bridge."""
    decided = counts(decisions_of_record(record, story))
    expect: Values = {
        "clears": f"count=={decided.get('clear', 0)}",
        "truncations": f"count=={decided.get('truncate', 0)}",
        "tool_calls": f"count=={sum(len(each.calls) for each in story.responses)}",
    }
    if story.reason:
        by = ENDERS.get(story.reason, "bridge")
        by = "network" if by == "caller" and not story.stopped else by
        expect["ended"] = {"by": by, "reason": story.reason}
    return expect


def _left_out(record: FlightRecord, story: Story) -> list[str]:
    said = []
    if record.lost:
        said.append(f"{record.lost} events are missing in the record")
    if record.torn:
        said.append("the record's end is missing")
    if story.keys:
        said.append(f"{story.keys} pressed key(s) are not replayed: a record does not say which")
    unknown = sorted(name for name in record.settings if name not in SETTINGS)
    if unknown:
        said.append(f"settings which a scenario cannot set: {', '.join(unknown)}")
    return said
