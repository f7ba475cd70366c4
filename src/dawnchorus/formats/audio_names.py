"""Names of audio files.

* `FORMATS`: the extensions of each format that the decoder opens, the one list of the package.
* `is_audio`: whether a name has one of these extensions.
* `is_supported`, `escaped`: names that can pass through the workflow, and how messages show others.
* `composed`: text in Unicode's composed form.
"""

import re
import unicodedata

# By format, which `dawnchorus.audio.container` finds in the first bytes. A file with the extension of
# another format is decoded too, with a warning.
FORMATS = {
    "wav": ("wav", "wave", "bwf", "rf64"),
    "w64": ("w64", "wav"),
    "aiff": ("aif", "aiff", "aifc"),
    "flac": ("flac",),
    "ogg": ("ogg", "oga", "opus"),
    "mp3": ("mp3",),
    "m4a": ("m4a",),
    "aac": ("aac",),
}
EXTENSIONS = frozenset(extension for names in FORMATS.values() for extension in names)

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
    r"""Return a name with unsupported characters written as ``\x0a``."""
    return _UNSUPPORTED.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def composed(text: str) -> str:
    """Return text in Unicode's composed form (NFC): systems differ in what they store."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
