"""Who the fakes pretend to be: the account, its keys, the bridge's public host.

Owns these few constants, which virtual and real time share. They are of nobody.
"""

PUBLIC_HOST = "bridge.example.com"
ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "auth-token-of-a-simulated-account"  # noqa: S105 - of nobody
API_KEY = "sk-simulated"
ENTRA_CLIENT_SECRET = "secret-of-a-simulated-application"  # noqa: S105 - of nobody
ENTRA_TOKEN = "token-of-a-simulated-application"  # noqa: S105 - the same
API_TOKEN = "cb_simulated"  # noqa: S105 - the same
TOOL_SIGNING_SECRET = "signs-requests-of-simulated-tools"  # noqa: S105 - the same
