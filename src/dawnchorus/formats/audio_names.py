"""What the names of audio files may be.

* `is_audio`: by the extension, one of `EXTENSIONS`.
* `is_supported`, `escaped`: names that can pass through the workflow, and how the others are told.
* `composed`: text in Unicode's composed form.
"""

import re
import unicodedata

EXTENSIONS = frozenset({"wav", "flac", "ogg", "mp3", "aif", "aiff"})

# Control characters but the tab, and what stands for bytes that are not UTF-8.
_UNSUPPORTED = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")


def is_audio(name: str) -> bool:
    """Return whether a name has the extension of an audio file, in any case."""
    stem, _, extension = name.rpartition(".")
    return bool(stem) and extension.lower() in EXTENSIONS


def is_supported(name: str) -> bool:
    """Return whether a name is UTF-8 without control characters; tabs are allowed."""
    return name.isprintable() or not _UNSUPPORTED.search(name)


def escaped(name: str) -> str:
    r"""Return a name with what is not supported spelled out as ``\x0a``."""
    return _UNSUPPORTED.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def composed(text: str) -> str:
    """Return text in Unicode's composed form (NFC): systems differ in what they store."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
