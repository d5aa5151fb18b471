"""Gather: asks the caller for keys or words.

Owns when the question is over and what is posted about the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from simulator.phone.signature import Form
from simulator.phone.verbs.attributes import (
    FLAG,
    METHOD,
    SECONDS,
    SECONDS_OR_AUTO,
    TEXT,
    URL,
    Attributes,
    Values,
    many_of,
    schema_warning,
)
from simulator.phone.verbs.speaking import MS_PER_WORD, Pause, Play, Say
from simulator.phone.verbs.verb import Stop, Then, Verb, nothing

TIMEOUT_S = 5
AUTO_SPEECH_MS = 1_000.0
CONFIDENCE = "0.9"
ANSWER_MS = 500.0
"""With the scenario's own answers: from the end of the question to the first key or word."""
KEY_MS = 200.0
KEYS = frozenset("0123456789*#")


class Gather(Verb):
    """Plays its nested verbs, listens, and posts what it heard."""

    # fidelity: documented twilio.md 3 - defaults; digits stop the question; empty falls through
    # fidelity: inferred twilio.md 3 - speechTimeout="auto" is one second; Confidence is 0.9
    attributes: ClassVar[Attributes] = {
        "action": URL,
        "method": METHOD,
        "input": many_of("dtmf", "speech"),
        "timeout": SECONDS_OR_AUTO,
        "finishOnKey": Values(r"[0-9#*]*", "keys, or nothing"),
        "numDigits": Values(r"0*[1-9][0-9]{0,3}", "a whole number from 1 on"),
        "actionOnEmptyResult": FLAG,
        "speechTimeout": SECONDS_OR_AUTO,
        "bargeIn": FLAG,
        "language": TEXT,
        "hints": TEXT,
        "profanityFilter": FLAG,
        "enhanced": FLAG,
        "debug": FLAG,
        "speechModel": TEXT,
        "partialResultCallback": URL,
        "partialResultCallbackMethod": METHOD,
        "maxSpeechTime": SECONDS,
        "dtmfDetection": TEXT,
    }
    prompts: ClassVar[Mapping[str, type[Verb]]] = {"Say": Say, "Play": Play, "Pause": Pause}

    def run(self, then: Then) -> Stop:
        """Ask, listen, and go on where the answer leads."""
        self._then = then
        self._digits = ""
        self._words: list[str] = []
        self._speaking = self._over = False
        self._stop_prompt: Stop = nothing
        self._stop_waiting: Stop = nothing
        self._input = self.given.get("input", "dtmf").split()
        self.line.tell("Gather", input=" ".join(self._input))
        self._stop_listening = self.line.listen(self)
        if not self._over:
            self._prompt(0)
        return self._stop

    # -- CallerListener ------------------------------------------------------------------

    def pressed(self, digit: str) -> None:
        """A key: the question stops, the answer may be complete."""
        if self._over or "dtmf" not in self._input:
            return
        self._interrupt()
        if digit in self.given.get("finishOnKey", "#"):
            self._finish()
            return
        self._digits += digit
        if len(self._digits) == self.number("numDigits", 0):
            self._finish()
        else:
            self._wait()

    def speech_began(self) -> None:
        """Words: wait until they end."""
        if self._over or "speech" not in self._input:
            return
        if self.given.get("bargeIn", "true").lower() == "true":
            self._interrupt()
        self._speaking = True
        self._stop_waiting()

    def speech_ended(self, words: str) -> None:
        """Wait whether more comes."""
        if self._over or not self._speaking:
            return
        self._speaking = False
        self._words.append(words)
        self._wait()

    # -- inside -------------------------------------------------------------------------------

    def _prompt(self, index: int) -> None:
        nested = list(self.element)
        while index < len(nested) and nested[index].tag not in self.prompts:
            what = f"<{nested[index].tag}> in <Gather> is none of Say, Play and Pause"
            schema_warning(self.line.warn, f"{what}. It is skipped")
            index += 1
        if index == len(nested):
            self._stop_prompt = nothing
            if not self._speaking:
                self._wait()
            self._answer_by_itself()
            return
        prompt = self.prompts[nested[index].tag](nested[index], self.url, self.line)
        self._stop_prompt = prompt.run(lambda: self._prompt(index + 1))

    def _interrupt(self) -> None:
        self._stop_prompt()
        self._stop_prompt = nothing
        self._stop_waiting()

    def _wait(self) -> None:
        self._stop_waiting()
        timeout = self.given.get("timeout", str(TIMEOUT_S))
        wait_ms = TIMEOUT_S * 1000.0 if timeout == "auto" else int(timeout) * 1000.0
        if self._words:
            speech = self.given.get("speechTimeout", timeout)
            wait_ms = AUTO_SPEECH_MS if speech == "auto" else int(speech) * 1000.0
        self._stop_waiting = self.line.after(wait_ms, self._finish)

    def _finish(self) -> None:
        if self._over:
            return
        self._stop()
        answer: Form = ()
        if self._digits:
            answer = (("Digits", self._digits),)
        elif any(self._words):
            words = " ".join(filter(None, self._words))
            answer = (("SpeechResult", words), ("Confidence", CONFIDENCE))
        if answer or self.flag("actionOnEmptyResult"):
            self.go_to(self.given.get("action", self.url), self.method(), answer or self._empty())
        else:
            self._then()

    def _empty(self) -> Form:
        return (("Digits", ""),) if "dtmf" in self._input else (("SpeechResult", ""),)

    def _stop(self) -> None:
        self._over = True
        self._stop_prompt()
        self._stop_waiting()
        self._stop_listening()

    def _answer_by_itself(self) -> None:
        """Press or say what the scenario has for this question."""
        answer = self.line.gathered()
        if not answer:
            return
        if set(answer) <= KEYS:
            for position, digit in enumerate(answer):
                self._later(ANSWER_MS + position * KEY_MS, partial(self.pressed, digit))
        else:
            self._later(ANSWER_MS, self.speech_began)
            length_ms = len(answer.split()) * MS_PER_WORD
            self._later(ANSWER_MS + length_ms, lambda: self.speech_ended(answer))

    def _later(self, delay_ms: float, then: Then) -> None:
        self.line.after(delay_ms, then)
