"""From a document to a tool, or to all that is wrong with it.

Owns what no shape can say: that a URL's placeholders are arguments, that a secret does not stand in
a file, that a function takes what its schema promises. Must not know other files.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from bridge.agents.complaints import complain
from bridge.agents.document import Document, Keys
from bridge.agents.problem import did_you_mean, quoted
from bridge.agents.tool_shape import ToolFile
from bridge.settings import Settings
from bridge.settings.tools import SECRET_PREFIX
from bridge.tooling.addresses import is_public
from bridge.tooling.arguments import WrongSchema, check_schema
from bridge.tooling.definition import NOTHING, TIMEOUT_S, Definition
from bridge.tooling.function_tool import (
    FunctionTool,
    UnusableFunction,
    description_of,
    load_function,
    schema_of,
    taken_by,
)
from bridge.tooling.http_recipe import SAFE, Place, WrongUrl, place_of
from bridge.tooling.http_tool import HttpTool
from bridge.tooling.toolbox import OurTool

OF_HTTP: Final = ("method", "headers", "retries")
SCALARS: Final = ("string", "integer", "number", "boolean")
OURS: Final = frozenset(
    {
        *("host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade"),
        *("accept-encoding", "idempotency-key", "trailer", "expect", "user-agent", "accept"),
    }
)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[!-~]([ -~]{0,4000}[!-~])?")
_SECRET: Final = re.compile(r"auth|cookie|key|password|secret|signature|token", re.IGNORECASE)


def checked_tool(document: Document, name: str, settings: Settings) -> OurTool | None:
    """The tool, if nothing is wrong with it; the document's `problems` say what is."""
    if document.problems:
        return None
    try:
        file = ToolFile.model_validate(document.values)
    except ValidationError as wrong:
        for error in wrong.errors(include_url=False):
            complain(document, error, ToolFile)
        return None
    if (file.url is None) == (file.function is None):
        hint = "`url:` for an HTTP tool, `function:` for one in Python"
        both = "both of them" if file.url else "neither"
        document.complain((), f"a tool has `url` or `function`; here is {both}", hint)
        return None
    if file.function is not None:
        return _function_tool(document, name, file)
    return _http_tool(document, name, file, settings)


def _schema(document: Document) -> Mapping[str, Any] | None:
    """The schema of the arguments; None if there is none."""
    if "parameters" not in document.values:
        return None
    schema: dict[str, Any] = document.json_value(("parameters",))
    try:
        check_schema(schema)
    except WrongSchema as wrong:
        keys: Keys = ("parameters", *wrong.keys)
        while keys not in document.places:
            keys = keys[:-1]
        document.complain(keys, f"parameters: {wrong}", "a text that looks like a number is quoted")
    return schema


# ------------------------------------------------------------------ HTTP
def _http_tool(
    document: Document, name: str, file: ToolFile, settings: Settings
) -> HttpTool | None:
    assert file.url is not None
    if not file.description.strip():
        document.complain((), "description: is missing", "the model calls a tool for its words")
    schema = _schema(document) or NOTHING
    place = None
    try:
        place = place_of(file.url)
    except WrongUrl as wrong:
        document.complain(("url",), f"url: {wrong}")
    else:
        _check_place(document, place, settings)
    if document.problems or place is None:
        return None
    _check_placeholders(document, place, schema)
    if "retries" in document.values and file.method not in SAFE:
        document.complain(("retries",), f"retries: only of GET; {file.method} may change something")
    headers = _headers(document, file, settings)
    if document.problems:
        return None
    definition = Definition(name, file.description.strip(), schema, file.timeout_seconds)
    return HttpTool(definition, place, file.method, headers, file.retries)


def _check_place(document: Document, place: Place, settings: Settings) -> None:
    if place.host in settings.tool_private_hosts:
        return
    hint = f"or add {place.host} to TOOL_PRIVATE_HOSTS"
    if not place.tls:
        document.complain(("url",), "url: anybody on the way can read http://; use https://", hint)
    elif _is_address(place.host) and not is_public(place.host):
        document.complain(("url",), "url: a private address", hint)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_placeholders(document: Document, place: Place, schema: Mapping[str, Any]) -> None:
    """Each is an argument that is always there, and text or a number."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in place.placeholders:
        written = f"{{{name}}}"
        if name not in properties:
            hint = did_you_mean(name, properties) or "add it to `parameters:`"
            message = f"url: no argument is called {quoted(name)}"
            document.complain(("url",), message, hint, written)
        elif name not in schema.get("required", ()):
            message = f"url: {quoted(name)} is not among `required`"
            document.complain(("url",), message, part=written)
        elif properties[name].get("type") not in SCALARS:
            message = f"url: {quoted(name)} is no text and no number"
            hint = f"its `type` is one of {', '.join(SCALARS)}"
            document.complain(("url",), message, hint, written)


def _headers(document: Document, file: ToolFile, settings: Settings) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, given in file.headers.items():
        keys: Keys = ("headers", name)
        if not _HEADER.fullmatch(name):
            document.complain_of_key(keys, f"headers: {quoted(name)} is no name of a header")
        elif name.lower() in OURS or name.lower().startswith("callbridge-"):
            document.complain_of_key(keys, f"headers: {quoted(name)} is written by callbridge")
        elif name.lower() in (other.lower() for other in headers):
            document.complain_of_key(keys, f"headers: {quoted(name)} is there twice")
        elif isinstance(given, dict):
            headers[name] = _secret(document, keys, given, settings)
        elif not isinstance(given, str) or not _VALUE.fullmatch(given):
            document.complain(keys, f"headers: {quoted(name)} has no text that a header can hold")
        elif _SECRET.search(name):
            message = f"headers: a secret for {quoted(name)} does not stand in a file"
            document.complain(keys, message, f"write {{env: {SECRET_PREFIX}NAME}}")
        else:
            headers[name] = given
    return headers


def _secret(document: Document, keys: Keys, given: dict[str, Any], settings: Settings) -> str:
    """The value of a header with a secret in it; the problems are noted."""
    for key in given:
        if key not in ("env", "prefix"):
            hint = did_you_mean(key, ("env", "prefix")) or "known here: env, prefix"
            document.complain_of_key((*keys, key), f"unknown key {quoted(key)}", hint)
    name, prefix = given.get("env", ""), given.get("prefix", "")
    if not isinstance(name, str) or not name.startswith(SECRET_PREFIX):
        message = f"{'.'.join(str(key) for key in keys)}.env: names a variable {SECRET_PREFIX}NAME"
        document.complain(keys, message, "others are not for tools")
        return ""
    secret = settings.tool_secrets.get(name)
    if secret is None:
        hint = did_you_mean(name, settings.tool_secrets) or f"or a file, {name}_FILE"
        document.complain((*keys, "env"), f"the variable {quoted(name)} is not set", hint)
        return ""
    value = f"{prefix}{secret.get_secret_value()}"
    if not _VALUE.fullmatch(value):
        # The value itself is not shown.
        document.complain(keys, f"{quoted(name)} holds characters that no header can hold")
    return value


# ------------------------------------------------------------------ Python
def _function_tool(document: Document, name: str, file: ToolFile) -> FunctionTool | None:
    assert file.function is not None
    for key in OF_HTTP:
        if key in document.values:
            document.complain_of_key((key,), f"{key}: only of an HTTP tool")
    schema = _schema(document)
    if document.problems:
        return None
    try:
        tool = tool_of(name, file.function, schema, file.description.strip(), file.timeout_seconds)
    except UnusableFunction as wrong:
        document.complain(("function",), f"function: {wrong}")
        return None
    if not tool.definition.description:
        hint = "or write a docstring: the model calls a tool for its words"
        document.complain((), "description: is missing", hint)
        return None
    if schema is not None:
        _check_names(document, file.function, schema)
    return None if document.problems else tool


def tool_of(
    name: str,
    reference: str,
    schema: Mapping[str, Any] | None,
    description: str = "",
    timeout_s: float = TIMEOUT_S,
) -> FunctionTool:
    """The tool that a function is; what is not given comes from the function itself.

    Raises:
        UnusableFunction: there is none, or it cannot be a tool.
    """
    function = load_function(reference)
    taken = taken_by(function, hinted=schema is None)
    if taken.hints is not None:
        schema = schema_of(taken.hints)
        try:
            check_schema(schema)
        except WrongSchema as wrong:
            raise UnusableFunction(str(wrong)) from None
    words = description or description_of(function)
    definition = Definition(name, words, schema or NOTHING, timeout_s)
    return FunctionTool(definition, function, taken.wants_call, taken.hints)


def _check_names(document: Document, reference: str, schema: Mapping[str, Any]) -> None:
    names = taken_by(load_function(reference), hinted=False).names
    for name in schema.get("properties", {}):
        if name not in names:
            keys: Keys = ("parameters", "properties", name)
            message = f"function: {quoted(reference)} takes no {quoted(name)}"
            document.complain_of_key(keys, message, did_you_mean(name, names))
