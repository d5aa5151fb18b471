"""Everything an operator can set, one module for each part of the service.

Owns what the rest of the bridge may import of it; `settings` puts the parts together.
"""

from bridge.settings.complaints import UnusableSettings
from bridge.settings.env_file import ENV_FILE
from bridge.settings.environment import (
    EnvironmentSettings,
    doubtful,
    is_secret,
    load_settings,
    misspelt,
    secret_names,
    settings_from,
)
from bridge.settings.gaps import missing_for_production
from bridge.settings.settings import Settings

__all__ = [
    "ENV_FILE",
    "EnvironmentSettings",
    "Settings",
    "UnusableSettings",
    "doubtful",
    "is_secret",
    "load_settings",
    "missing_for_production",
    "misspelt",
    "secret_names",
    "settings_from",
]
