"""Secrets from files: NAME_FILE names a file that holds what NAME would.

Owns the reading, as the secrets of Docker, systemd and Kubernetes come. Must not know any setting.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bridge.errors import SettingsError
from bridge.settings.env_file import variables_in

SUFFIX: Final = "_FILE"
BYTES_MAX: Final = 64 * 1024


def read_secret_files(
    names: Iterable[str], env_file: Path | None
) -> tuple[dict[str, str], list[SettingsError]]:
    """The secrets that stand in files, and what is wrong with those that cannot be read.

    Args:
        names: of the settings, in capitals. NAME_FILE is looked up in the environment, then in the
            .env file.
        env_file: that file; it need not exist.
    """
    given = {**_in_file(env_file), **os.environ}
    secrets, errors = {}, []
    for name in names:
        path = given.get(name + SUFFIX)
        if not path:
            continue
        if given.get(name):
            errors.append(SettingsError(name + SUFFIX, f"{name} is set, too; set one of them"))
            continue
        try:
            secrets[name.lower()] = _text(Path(path))
        except (OSError, ValueError) as why:
            # The text of the error, not of the file.
            reason = getattr(why, "strerror", None) or "is not a short UTF-8 text"
            errors.append(SettingsError(name + SUFFIX, f"cannot read {path}: {reason}"))
    return secrets, errors


def read_prefixed_secrets(
    prefix: str, env_file: Path | None
) -> tuple[dict[str, str], list[SettingsError]]:
    """The secrets that an operator names, all with a prefix, and what is wrong with their files.

    Args:
        prefix: in capitals; PREFIX_NAME holds a secret, PREFIX_NAME_FILE names its file.
        env_file: the .env file; it need not exist. The environment wins.
    """
    given = {**_in_file(env_file), **os.environ}
    plain = {name: text for name, text in given.items() if name.startswith(prefix) and text}
    in_files = {name.removesuffix(SUFFIX) for name in plain if name.endswith(SUFFIX)}
    secrets, errors = read_secret_files(sorted(in_files), env_file)
    named = {name: text for name, text in plain.items() if not name.endswith(SUFFIX)}
    return named | {name.upper(): text for name, text in secrets.items()}, errors


def _text(path: Path) -> str:
    """What the file says, without the line feed that editors put at the end."""
    with path.open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ValueError
    return data.decode("utf-8").rstrip("\r\n")


def _in_file(env_file: Path | None) -> Mapping[str, str]:
    return {name.upper(): value for name, value in variables_in(env_file).items()}
