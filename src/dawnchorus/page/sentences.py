"""What the page says of a recording that cannot be used, or of one that is odd.

By the codes of `dawnchorus.audio.verdicts`, for somebody who has a file and no config.
"""

_AGAIN = "copy it again from where it comes from"
_UNREAD = "The upload could not be read; send it again."

EXCLUSIONS = {
    "AUDIO_EMPTY": "The file is empty; choose another one.",
    "AUDIO_NO_SAMPLES": f"There is no sound in the file; {_AGAIN}.",
    "AUDIO_TRUNCATED": f"The file ends before its sound does; {_AGAIN}.",
    "AUDIO_NONFINITE": "Some samples are not numbers; export the recording again.",
    "AUDIO_RANGE": "Its samples are no sound, they are far too large; export the recording again.",
    "AUDIO_TOO_SHORT": "The recording is too short for this model; choose a longer one.",
    "AUDIO_TOO_LONG": "The recording is too long; cut it into parts.",
    "AUDIO_FORMAT": "This is no sound that can be read; choose WAV, FLAC, mp3, Ogg, M4A or AIFF.",
    "AUDIO_DECODE": f"The file is damaged inside; {_AGAIN}.",
    "AUDIO_RATE": "Its sample rate cannot be used; convert it to 48 kHz, for example.",
    "AUDIO_CHANGED": _UNREAD,
    "NAME_PERMISSION": _UNREAD,
    "NOT_REGULAR": _UNREAD,
    "MISSING_FILE": _UNREAD,
    "DECODER_CRASHED": "The file could not be decoded; convert it to WAV or FLAC.",
    "DECODER_TIMEOUT": "The file takes too long to decode; convert it to WAV or FLAC.",
    "DECODER_MEMORY": "The file takes too much memory to decode; convert it to WAV or FLAC.",
}
WARNINGS = {
    "FORMAT_EXTENSION_MISMATCH": "The file is of another format than its name says.",
    "AUDIO_SILENT": "The recording is silent: every sample is zero.",
    "AUDIO_QUIET": "The recording is very quiet.",
    "AUDIO_DC": "The waveform is not centred on zero, as by a fault of the recorder.",
    "AUDIO_CLIPPED": "The recording is overdriven: much of it is at full scale.",
    "MIX_CANCEL": "The channels cancel each other.",
    "BANDWIDTH": "It was recorded at a lower sample rate than the model hears: high tones are missing.",
    "AUDIO_LENIENT": "The end of the recording may be missing.",
    "AUDIO_UNREAD": "A part of the file could not be decoded and was left out.",
}
