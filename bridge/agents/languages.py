"""The languages an agent may be told to speak.

Owns their codes and English names (ISO 639-1, those Realtime models are known to speak). Must not
know what the telling is good for.
"""

from collections.abc import Mapping, Sequence
from typing import Final

LANGUAGES: Final[Mapping[str, str]] = {
    "af": "Afrikaans", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian",
    "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "kn": "Kannada", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "mi": "Maori", "mk": "Macedonian", "mr": "Marathi",
    "ms": "Malay", "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "th": "Thai",
    "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip


def instructions_to_speak(codes: Sequence[str]) -> str:
    """What the model is told; no codes, no words."""
    if not codes:
        return ""
    names = [LANGUAGES[code] for code in codes]
    if len(names) == 1:
        return f"Speak {names[0]} only, whatever language you hear."
    known = f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        f"You speak {known}. Begin in {names[0]} and answer in the caller's language if it is one "
        "of these; to any other, say which ones you speak."
    )
