"""Every mistake in a scenario is told with its place, what was expected, and what may be meant."""

from pathlib import Path

import pytest

from simulator.scenario import ScenarioProblem
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source

HOME = Path("folder/a.call.yaml")


def problems(text: str) -> list[ScenarioProblem]:
    """What is wrong with a text."""
    scenarios, found = read_scenario(Source(HOME, text))

    assert not (scenarios and found)
    return found


def problem(text: str) -> ScenarioProblem:
    """The only thing wrong with a text."""
    found = problems(text)

    assert len(found) == 1, [str(one) for one in found]
    return found[0]


MISTAKES = [
    # keys and shapes
    ("nmae: x", "1:1", "unknown key `nmae` in a scenario", "did you mean `name`?"),
    ("zzz: x", "1:1", "unknown key `zzz`", "its keys are name, why"),
    ("greeting: true", "1:1", "unknown key `greeting`", "write it below `agent:`"),
    ("name:", "1:6", "a name is expected here, and there is nothing", ""),
    ("name: [a]", "1:7", "a name is expected here, not a list", ""),
    ("name: a\nname: b\ncaller: []", "2:1", "`name` is there twice, first in line 1", ""),
    ("agent: yes", "1:8", "`agent` is a block of keys", "greeting, settings"),
    ("name: {a: b}", "1:7", "a name is expected here, not a block of keys", ""),
    ('name: " "', "1:7", "a name is expected here, and it is empty", ""),
    (f"name: {'x' * 4001}", "1:7", "a text of more than 4000 characters", ""),
    ("call: {parameters: 3}", "1:20", "a block of parameters is expected here", ""),
    ("tags: slow", "1:7", "a list of tags is expected here", "- "),
    ("tags: [a b]", "1:8", "a tag is expected, not `a b`", "letters"),
    ("skip: true", "1:7", "the reason is expected, not `true`", "say why"),
    ("seeds: 0", "1:8", "`0` is out of bounds", "from 1 to 10000"),
    ("seeds: 1.5", "1:8", "a whole number is expected, not `1.5`", ""),
    ('seeds: "3"', "1:8", "a whole number is expected", "remove the quotes"),
    ("seeds: .inf", "1:8", "a whole number is expected", ""),
    ("? [a]\n: b\ncaller: []", "1:3", "a key must be a word", ""),
    ("name: !x a\ncaller: []", "1:7", "a tag `!x`", ""),
    ("- a", "1:1", "a scenario is a block of keys", ""),
    (
        "caller: []\nexpect: {events: [{clear: 9999999}]}",
        "2:27",
        "`9999999` is out of bounds",
        "from 0 to 1000000",
    ),
    # durations
    ("stop_after: 30", "1:13", "a duration is expected, not `30`", "30ms or 30s"),
    ("stop_after: 2 sec", "1:13", "a duration is expected, not `2 sec`", "450ms, 2s or 1m30s"),
    ("stop_after: -2s", "1:13", "`-2s` is out of bounds", "a duration from 1ms to 24h"),
    ("caller: [{wait: -2s}]", "1:17", "`-2s` is out of bounds", "a duration from 0ms to 24h"),
    ("stop_after: 99999999999s", "1:13", "is out of bounds", "a duration from 1ms to 24h"),
    ("stop_after: -2 sec", "1:13", "a duration is expected, not `-2 sec`", "450ms"),
    ("stop_after: 0ms", "1:13", "`0ms` is out of bounds", "from 1ms to 24h"),
    ("stop_after: 25h", "1:13", "`25h` is out of bounds", ""),
    # surroundings
    ("call: {from: 5550100}", "1:14", "a phone number is expected", "+15550100001"),
    ("agent: {VOICE: ash}", "1:9", "unknown key `VOICE`", "below `settings:`"),
    ("agent: {settings: {VOISE: ash}}", "1:20", "unknown setting `VOISE`", "`VOICE`?"),
    ("agent: {settings: {VOICE: }}", "1:26", "there is nothing", 'write ""'),
    (
        "phone: {dtx: true, room_tone: sounds/room-tone.wav}",
        "1:8",
        "`dtx` and `room_tone` exclude each other",
        "never silent",
    ),
    ("phone: {token: forgd}", "1:16", "unknown token `forgd`", "did you mean `forged`?"),
    ("phone: {dtx: on}", "1:14", "true or false is expected, not `on`", "true or false"),
    ("phone: {start_delay: 2s}", "1:8", "only for `start: late`", ""),
    ("phone: {hangup_rest: [200]}", "1:23", "an answer is expected, not `200`", "21220"),
    ("phone: {close_code: 12}", "1:21", "`12` is out of bounds", "from 1000 to 4999"),
    ("network: {latency: 60ms}", "1:11", "unknown key `latency`", "say on which leg"),
    ("network: {twilio: {stall: 3s}}", "1:20", "unknown key `stall`", "below `faults:`"),
    (
        "network: {twilio: {latency: 1ms, to_bridge: {latency: 2ms}}}",
        "1:19",
        "`latency` is given for the leg and for to_bridge",
        "once",
    ),
    ("network: {twilio: {faults: [{when: marked}]}}", "1:29", "nothing happens here", "stall"),
    (
        "network: {twilio: {faults: [{stall: 3s}]}}",
        "1:29",
        "a fault needs the key `when`",
        "waits for",
    ),
    (
        "network: {twilio: {faults: [{stall: 3s, drop: true, when: marked}]}}",
        "1:29",
        "`stall` and `drop` exclude each other",
        "",
    ),
    (
        "network: {twilio: {faults: [{drop: false, when: marked}]}}",
        "1:36",
        "not `false`",
        "leave the key out",
    ),
    (
        "network: {twilio: {faults: [{drop: true, direction: to_bridge, when: marked}]}}",
        "1:29",
        "in both directions",
        "remove",
    ),
    (
        "network: {twilio: {faults: [{stall: 1s, for: 1s, when: marked}]}}",
        "1:29",
        "`for` is only for `latency`",
        "`stall: 3s`",
    ),
    # the model
    ("model: [{on: tern, fail: x}]", "1:14", "unknown kind of reply `tern`", "`turn`?"),
    ("model: [{on: greeting 2, fail: x}]", "1:14", "`greeting` has no number", ""),
    ("model: [{on: turn x, fail: x}]", "1:14", "a whole number is expected, not `x`", ""),
    ("model: [{on: turn}]", "1:9", "a reply in which nothing happens", "`say:`"),
    ("model: [{fail: x}]", "1:9", "a reply needs the key `on`", ""),
    ("model: {on: turn}", "1:9", "unknown key `on`", "a reply begins with `- `"),
    ("model: {after: 1s}", "1:8", "`after` is for automatic replies", "`reply: auto`"),
    ("model: {stragglers: {count: 10, every: 200ms}}", "1:21", "not less than 2 s", ""),
    ("model: {refuse: http_4290}", "1:17", "unknown refusal", "did you mean `http_429`?"),
    (
        "model: [{on: turn, items: [{words: Hi}]}]",
        "1:28",
        "an item without sound",
        "`say` or `silence`",
    ),
    ("model: [{on: turn, call: {arguments: {}}}]", "1:26", "needs the key `name`", ""),
    ("model: [{on: turn, call: {name: a, arguments: 3}}]", "1:47", "a block of keys", ""),
    ("model: auto", "1:8", "a list of replies, or a block of keys", "`- on: turn`"),
    (
        "model: [{on: turn, say: clips/en/hello.wav, items: [clips/en/hello.wav]}]",
        "1:9",
        "`items` has its own sounds",
        "",
    ),
    # the caller
    ("name: x\ncaller:", "2:8", "a list of steps is expected here", ""),
    ("caller: [{at: 3s}]", "1:11", "unknown key `at` in a step", "write `when: at 3s`"),
    ("caller: [{when: agent_silnt}]", "1:17", "unknown trigger `agent_silnt`", "`agent_silent`?"),
    ("caller: [{when: 3s}]", "1:17", "`3s` is a time, not an event", "`when: at 3s`"),
    ("caller: [{when: agent_heard}]", "1:17", "`agent_heard` needs a duration", "1200ms"),
    ("caller: [{when: turn}]", "1:17", "`turn` needs a number", "`turn 2`"),
    ("caller: [{when: agent_silent 2s}]", "1:30", "`agent_silent` stands alone", ""),
    ("caller: [{when: agent_heard 1200}]", "1:29", "a duration is expected", "1200ms"),
    ("caller: [{when: 'turn  x'}]", "1:24", "a whole number is expected, not `x`", ""),
    ("caller: [{when: {turn: 1, at: 2s}}]", "1:17", "one thing to wait for", ""),
    ("caller: [{when: {trun: 1}}]", "1:18", "unknown trigger `trun`", "`turn`?"),
    ("caller: [{}]", "1:10", "an empty step", ""),
    ("caller: [{press: 1, hang_up: true}]", "1:21", "`press` and `hang_up` in one step", ""),
    ("caller: [{wait: 1s, hang_up: true, say: x}]", "1:41", "no sound file `x`", ""),
    ("caller: [{press: 1x}]", "1:18", "a row of telephone keys is expected, not `1x`", '"12#"'),
    ("caller: [{press: 1, gain_db: 2}]", "1:10", "`gain_db` is only for `say`", ""),
    ("caller: [{hang_up: false}]", "1:20", "can only be true, not `false`", "leave the key out"),
    ("caller: [{hang_up: off}]", "1:20", "true is expected, not `off`", "write true, or leave"),
    ("caller: [{repeat: 2}]", "1:10", "`repeat` and `steps` belong together", ""),
    ("caller:\n  - hang_up: true\n  - press: 1", "3:3", "a step after `hang_up`", ""),
    ("caller: [{repeat: 2, steps: [{hang_up: true}]}]", "1:1", "a step after `hang_up`", ""),
    (
        "caller: [{repeat: 5000, steps: [{wait: 1s}, {wait: 1s}]}]",
        "1:10",
        "10000 steps; there may be 5000",
        "",
    ),
    (
        "caller: [" + "{repeat: 3000, steps: [{wait: 1s}]}, " * 2 + "]",
        "1:9",
        "6000 steps; there may be 5000",
        "",
    ),
    ("name: x", "1:1", "nothing says what the caller does", "`caller: []`"),
    (
        "caller: []\nreplay: recordings/en-books-tuesday.wav",
        "2:1",
        "`caller` and `replay` exclude each other",
        "",
    ),
    ("replay: {hang_up: stay}", "1:9", "needs the key `recording`", ""),
    (
        "replay: {recording: recordings/en-books-tuesday.wav, turns: [{start: 2s, end: 1s}]}",
        "1:62",
        "a turn that ends before it starts",
        "",
    ),
    ("model: [{on: turn, tool: end_call}]", "1:20", "unknown key `tool`", "write `call:`"),
    # sounds
    ("caller: [{say: clips/en/helo.wav}]", "1:16", "no sound file", "`clips/en/hello.wav`?"),
    ("caller: [{say: hello.wav}]", "1:16", "no sound file `hello.wav`", "/hello.wav`?"),
    ("caller: [{say: zzzzzzzzzzzz}]", "1:16", "there is no sound file", "looked in folder"),
    ("caller: [{say: certainly.wav}]", "1:16", "no sound file", "voice-certainly.wav`?"),
    (
        "caller: [{say: We are open}]",
        "1:16",
        "no sound file `We are open`",
        "is a sound file, like",
    ),
    (f"caller: [{{say: {'x' * 201}}}]", "1:16", "there is no sound file", ""),
    (f"caller: [{{say: {'é' * 150}}}]", "1:16", "there is no sound file", ""),
    ("caller: [{say: MANIFEST.yaml}]", "1:16", "is no WAV file", ""),
    ("caller: [{say: clips/en}]", "1:16", "`clips/en` is a folder", "a file in it, like clips/en/"),
    ("caller: [{say: clips/en/}]", "1:16", "is a folder", ".wav"),
    # what must hold
    ("expect: {latency: [max<1]}", "1:10", "unknown key `latency`", ""),
    ("expect: {response_latency: max<1}", "1:10", "unknown key", "`response_latency_ms`?"),
    ("expect: {clears: max}", "1:18", "a threshold is expected, not `max`", "p(95)<900"),
    ("expect: {clears: “max<3”}", "1:18", "typographic quotes", 'like "p(95)<900"'),
    ("expect: {clears: '<3'}", "1:18", "a threshold is expected", "say of what, like max<3"),
    ("expect: {clears: p95<3}", "1:18", "unknown aggregate `p95`", "write p(95)"),
    ("expect: {clears: mean<3}", "1:18", "unknown aggregate `mean`", "write avg"),
    ("expect: {clears: mix<3}", "1:18", "unknown aggregate `mix`", "did you mean"),
    ("expect: {clears: p(101)<3}", "1:18", "out of bounds", ""),
    ("expect: {clears: count=3}", "1:18", "unknown comparison `=`", "write =="),
    ("expect: {clears: max<450ms}", "1:18", "a number is expected", "the number alone"),
    ("expect: {clears: max<x}", "1:18", "a number is expected, not `x`", ""),
    ("expect: {clears: []}", "1:18", "0 thresholds; there may be from 1", ""),
    ("expect: {events: [claer]}", "1:19", "unknown event `claer`", "did you mean `clear`?"),
    ("expect: {events: [{claer: 1}]}", "1:20", "unknown event `claer`", "`clear`?"),
    ("expect: {events: [{no: claer}]}", "1:24", "unknown event `claer`", "`clear`?"),
    ("expect: {events: [{clear: ~, count: 1}]}", "1:30", "stands beside the event", "below it"),
    ("expect: {events: [{no: clear, count: 1}]}", "1:31", "unknown key `count`", "means none"),
    ("expect: {events: [{clear: {within: 1s}}]}", "1:19", "`within` and `of`", ""),
    ("expect: {events: [{clear: {count: 1, at_most: 2}}]}", "1:19", "`count` excludes", ""),
    (
        "expect: {events: [{clear: {at_least: 3, at_most: 2}}]}",
        "1:19",
        "`at_least` is more than `at_most`",
        "",
    ),
    ("expect: {events: [[]]}", "1:19", "an event is expected here", ""),
    ("expect: {ended: {by: me}}", "1:22", "unknown side `me`", "caller, bridge, twiml"),
    ("expect: {ended: {reason: hung_up}}", "1:26", "unknown reason", "did you mean"),
    ("expect: {ended: {}}", "1:17", "`ended` says nothing", ""),
    ("expect: {allow: {provoked: x}}", "1:18", "unknown law `provoked`", "`provoked_error`?"),
    # the matrix
    ("matrix: {}", "1:9", "`matrix` is a block of variables", ""),
    ("matrix: {n: 3}", "1:13", "a list of values is expected here", "n: [3, 8, 11]"),
    (
        "matrix: {a: [1,2,3,4,5,6], b: [1,2,3,4,5,6], c: [1,2,3,4,5,6]}",
        "1:9",
        "216 combinations; there may be 200",
        "",
    ),
    ("matrix: {N: [3]}", "1:10", "`N` cannot be a variable", "small letters"),
    ("matrix: {n: [3, 3]}\nseeds: $n", "1:17", "`3` is there twice", ""),
    ("matrix: {n: [[3]]}\nseeds: $n", "1:14", "a single value is expected here", ""),
    ("matrix: {n: [3]}", "1:1", "the variable `n` is never used", "write $n"),
    ("matrix: {n: [3]}\nseeds: $m$n", "2:8", "unknown variable `$m`", ""),
    ("name: for $ten\ncaller: []", "1:7", "unknown variable `$ten`", "$$"),
    ("seeds: $foo\ncaller: []", "1:8", "unknown variable `$foo`", "`matrix:`"),
    ("caller: [{when: at $foo}]", "1:17", "unknown variable `$foo`", ""),
    ("caller: [{say: 'clips/${foo}.wav'}]", "1:16", "unknown variable `$foo`", ""),
    (
        "matrix: {n: [3, x]}\nseeds: $n\ncaller: []",
        "1:17",
        "a whole number is expected, not `x`",
        "",
    ),
    # YAML itself
    ("a: [", "1:5", "this is not YAML", "something is missing"),
    ("name: a: b", "1:8", "this is not YAML", "in quotes"),
    ("agent:\n\tgreeting: true", "2:1", "a tab", "spaces"),
    ("name: 'x", "1:7", "this is not YAML", "never closed"),
    ("name: @x", "1:7", "this is not YAML", "in quotes"),
    ("name: x\x00", "1:8", "a control character", ""),
    ('name: "\\x07"\ncaller: []', "1:7", "a control character", ""),
    ('name: "\\UFFFFFFFF"', "1:1", "this is not YAML", ""),
    ("name: *x", "1:7", "the alias `*x` stands for nothing", ""),
    ("name: &x [*x]", "1:11", "the alias `*x` stands for nothing", ""),
    ("name: x\n---\nname: y", "2:1", "a second document", ""),
    ("agent: {<<: {greeting: true}}", "1:9", "unknown key `<<`", "merge keys"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), MISTAKES)
def test_mistake(text: str, place: str, message: str, hint: str) -> None:
    """A mistake is told at its line and column, with the words that help."""
    found = problem(text)

    assert f"{found.line}:{found.column}" == place
    assert message in found.message
    assert hint in found.hint
    assert found.file == HOME


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_empty_file(text: str) -> None:
    """A file without content says so."""
    (found,) = problems(text)

    assert found.line == 1
    assert "empty" in found.message


def test_all_mistakes_are_told_at_once() -> None:
    """One bad key does not hide the next ones; they come in the order of the file."""
    found = problems("nmae: x\nseeds: 0\nmodel: [{on: tern}]\ncaller: [{wait: 2}, {at: 3s}]\n")

    assert [(one.line, one.column) for one in found] == [(1, 1), (2, 8), (3, 14), (4, 17), (4, 22)]


def test_an_unknown_variable_hides_nothing_else() -> None:
    """Only what is wrong for want of its value is told once."""
    found = problems("caller: [{when: at $foo, press: x}, {wait: 2}]")

    assert [one.message.partition(",")[0] for one in found] == [
        "unknown variable `$foo`",
        "a row of telephone keys is expected",
        "a duration is expected",
    ]


def test_a_mistake_in_every_variant_is_told_once() -> None:
    """What does not depend on the matrix is wrong once, not once per value."""
    found = problems("matrix: {n: [1, 2, 3]}\nseeds: $n\nnmae: x\ncaller: []")

    assert len(found) == 1


def test_printed_form() -> None:
    """Path, line, column and message; the line with a caret; the hint."""
    (found,) = problems("caller:\n  - wait: 450\n")

    assert str(found) == (
        "folder/a.call.yaml:2:11: a duration is expected, not `450`\n"
        "    |   - wait: 450\n"
        "    |           ^\n"
        "    write the unit: 450ms or 450s"
    )


def test_printed_form_of_a_long_line() -> None:
    """The caret of a long line stands below its column in the part which is shown."""
    text = "caller: [" + "{wait: 1s}, " * 30 + "{wait: 450}]"
    (found,) = problems(text)
    _, shown, caret, _ = str(found).split("\n")

    assert shown[caret.index("^") :].startswith("450")
    assert len(shown) < 120
