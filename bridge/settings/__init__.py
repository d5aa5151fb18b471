"""Everything an operator can set, one module for each part of the service.

Owns what the rest of the bridge may import of it; `settings` puts the parts together.
"""

from bridge.settings.settings import (
    EnvironmentSettings,
    Settings,
    UnusableSettings,
    is_secret,
    load_settings,
    may_be,
    missing_for_production,
    misspelt,
    secret_names,
    settings_from,
)

__all__ = [
    "EnvironmentSettings",
    "Settings",
    "UnusableSettings",
    "is_secret",
    "load_settings",
    "may_be",
    "missing_for_production",
    "misspelt",
    "secret_names",
    "settings_from",
]
