"""Twilio's REST errors: codes, HTTP statuses, words, and the JSON object that carries them.

Owns the table. Who refuses what, and when, is written where it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

ERRORS: Mapping[int, tuple[int, str]] = {
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {path} was not found"),
    20429: (429, "Too many requests"),
    20500: (500, "Internal server error"),
    20503: (503, "Service unavailable"),
    21201: (400, "No 'To' number is specified"),
    21205: (400, "Url parameter is not valid"),
    21208: (400, "Invalid Timeout value"),
    21210: (
        400,
        "The source phone number {value} is not yet verified for your account.",
    ),
    21211: (400, "The 'To' number {value} is not a valid phone number."),
    21212: (400, "The 'From' number {value} is not a valid phone number, or is not yours."),
    21213: (400, "No 'From' number is specified"),
    21214: (400, "'To' phone number cannot be reached: {value}"),
    21215: (400, "Account not authorized to call {value}."),
    21216: (400, "Account not allowed to call {value}."),
    21217: (400, "Phone number does not appear to be valid: {value}"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    22005: (400, "The queue holds more than 24 hours of calls"),
    31922: (400, "Stream - WebSocket - URL schema not supported: {value}. Write it with wss"),
    31923: (400, "Stream - WebSocket - Malformed URL: {value}"),
    31941: (400, "Stream - Invalid Track configuration: {value}"),
}
# fidelity: documented twilio.md 4.1 - the error object; 20003, 20429, 21208, 21210, 21211, 21214 to
#   21217, 21220 and 22005
# fidelity: inferred twilio.md 4.1 - 20001, 20404, 21201, 21205, 21212, 21213 as commonly known
# fidelity: inferred - the bodies of 20004, 20500, 20503; words the sheet does not quote

MORE_INFO = "https://www.twilio.com/docs/errors/"

STATUS_CODES = {401: 20003, 404: 20404, 405: 20004, 429: 20429, 503: 20503}
"""The error code that usually stands beside an HTTP status; others are 20001 or 20500."""


class RefusedError(Exception):
    """A request is answered with an error object.

    `detail` replaces the usual words; `value` is what they quote; `status` replaces the usual one.
    """

    def __init__(self, code: int, detail: str = "", *, value: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self._detail = detail
        self._value = value
        self._status = status

    @classmethod
    def of_status(cls, status: int) -> RefusedError:
        """The refusal behind an HTTP `status` that was asked for."""
        usual = 20001 if status < 500 else 20500
        return cls(STATUS_CODES.get(status, usual), status=status)

    def answer(self, path: str) -> tuple[int, dict[str, object]]:
        """Status and error object for a request to `path`."""
        usual, words = ERRORS[self.code]
        status = self._status or usual
        message = self._detail or words.format(path=path, value=self._value)
        more_info = f"{MORE_INFO}{self.code}"
        return status, {
            "code": self.code,
            "message": message,
            "more_info": more_info,
            "status": status,
        }
