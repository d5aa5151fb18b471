"""What a call's sid looks like.

Owns one pattern. What comes from outside and names a file or a path is held against it.
"""

import re
from typing import Final

CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")
"""https://www.twilio.com/docs/glossary/what-is-a-sid: two letters and 32 hexadecimal digits."""
