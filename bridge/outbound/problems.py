"""Why a request about calls is not granted.

Owns the exception and the sentences several rooms share. Its `detail` may be shown to whoever
asked; it never holds a phone number, a parameter or a secret.
"""

from typing import Any

from bridge.errors import BridgeError


class Refusal(BridgeError):  # noqa: N818 - it is an answer, not always an error
    """A request is answered with `status` and `detail`.

    `field` is the wrong field of a 422. `code` is Twilio's, where Twilio said no. `retry_after_s` =
    when it may be worth another try. `may_have_rung` = nobody knows whether the call was made.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        code: int | None = None,
        retry_after_s: int | None = None,
        may_have_rung: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.code = code
        self.retry_after_s = retry_after_s
        self.may_have_rung = may_have_rung

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON: `detail`, and `field` or `code` where there is one."""
        more = {"field": self.field, "code": self.code}
        return {
            "detail": self.detail,
            **{name: value for name, value in more.items() if value is not None},
        }


def wrong_field(field: str, problem: str) -> Refusal:
    """A 422 that names the field."""
    return Refusal(422, f"{field}: {problem}", field=field)


def may_have_rung() -> Refusal:
    """Nobody knows whether Twilio made the call, so nobody may try again by himself."""
    return Refusal(
        502,
        "Twilio's answer to this call was lost or unclear: it may have rung, and it is not tried "
        "again. Look at GET /calls before you ask once more, with a new Idempotency-Key",
        may_have_rung=True,
    )
