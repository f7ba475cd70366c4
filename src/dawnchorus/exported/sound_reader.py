"""The sound of recordings, decoded one ahead in the limited child of the workflow.

One child serves all recordings. While what came of a recording is at work it decodes the next piece of
it, or the beginning of the next recording.

* `SoundReader`: the recordings of a list, one after another.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dawnchorus.audio.decoder_process import Decoder
from dawnchorus.audio.verdicts import USED, Excluded

# A recording of any length is read. What these limits are for in the workflow, that one recording does
# not hold up a night's run, they still are: of an hour of sound the child needs some ten seconds.
_LONGEST_S = 1e9
_SECONDS = 7200.0


class SoundReader:
    """Decodes the recordings of a list; use it in a ``with`` block, which ends the child.

    The child starts at once: networks are loaded meanwhile.

    Parameters
    ----------
    recordings : sequence of mapping
        ``path``, and where they are known ``bytes``, ``sha256`` and ``state``, as
        `dawnchorus.audio.decode.resample` compares them.
    recipe : mapping
        The audio recipe of a model.
    archive : path, optional
        Zip file whose members the recordings are.
    longest_s : float, optional
        Longer recordings are `AUDIO_TOO_LONG`, and the decoder has the time of the recipe alone.
    """

    def __init__(
        self,
        recordings: Sequence[Mapping[str, str]],
        recipe: Mapping,
        archive: str | Path | None = None,
        longest_s: float | None = None,
    ):
        self._recordings = [{"bytes": "", "sha256": "", **one} for one in recordings]
        limits = dict(recipe["decoder"])
        if longest_s is None:
            longest_s, limits["seconds"] = _LONGEST_S, max(limits["seconds"], _SECONDS)
        self._decoder = Decoder(
            {
                "recipe": {**recipe, "max_duration_s": longest_s, "decoder": limits},
                "archive": None if archive is None else str(archive),
            }
        )
        if self._recordings:
            self._decoder.start()

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(self, *_) -> None:
        self._decoder.__exit__()

    def __iter__(self) -> Iterator["Sound"]:
        """Yield each recording; it has to be read to its end before the next one, or is."""
        for recording in self._recordings[:1]:
            self._decoder.ask(recording)
        for recording, following in itertools.zip_longest(self._recordings, self._recordings[1:]):
            sound = Sound(recording["path"], self._decoder, following)
            yield sound
            sound.finish()


class Sound:
    """One recording that is being decoded.

    Attributes
    ----------
    path : str
    duration_s : float
        Seconds of the recording as it was found, once it is read to its end.
    warnings : sequence of str
        Codes of `dawnchorus.audio.verdicts.WARNINGS`, once it is read to its end.
    """

    def __init__(self, path: str, decoder: Decoder, following: Mapping[str, str] | None):
        self.path, self.duration_s = path, 0.0
        self.warnings: Sequence[str] = ()
        self._decoder, self._following = decoder, following
        self._pieces = self._read()

    def pieces(self) -> Iterator[list[np.ndarray]]:
        """Yield the samples of each channel, shape (S,) float32 each, as they come.

        Raises
        ------
        Excluded
            Where the recording cannot be used; what was yielded before has to be discarded.
        """
        return self._pieces

    def finish(self) -> None:
        """Read what was not asked for, so that the next recording may begin."""
        try:
            for _ in self._pieces:
                pass
        except Excluded:
            pass

    def _read(self) -> Iterator[list[np.ndarray]]:
        pieces = self._decoder.pieces()
        waiting: list[np.ndarray] | None = None
        try:
            while True:
                try:
                    held = next(pieces)
                except StopIteration as end:
                    verdict = end.value
                    break
                # one piece is held back: the last one is given out when the next recording is asked for
                if waiting is not None:
                    yield waiting
                waiting = [np.frombuffer(channel, np.float32) for channel in held]
        except Excluded:
            self._ask_following()
            raise
        self._ask_following()
        if verdict["verdict"] != USED:
            raise Excluded(verdict["verdict"], verdict["detail"])
        self.duration_s, self.warnings = verdict["duration_s"], verdict["warnings"]
        if waiting is not None:
            yield waiting

    def _ask_following(self) -> None:
        if self._following is not None:
            self._decoder.ask(self._following)
