"""The writer of recordings: brings sound and words of calls to the folder.

Owns which files a recording is. Everything but `kept_recordings` blocks. Must not know calls.

    CA….20261121T041725.123456Z.wav               both voices, written as the call goes
    CA….20261121T041725.123456Z.transcript.json   in words, when it has ended

What a full queue refused is silence in the recording; one that is given up stays valid up to there.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from bridge.call_files import CallFiles
from bridge.core.mulaw import SILENCE
from bridge.log import Log
from bridge.recording.recording import SoundPiece
from bridge.recording.stereo import StereoFile
from bridge.settings.recording import RecordingSettings
from bridge.thread_door import in_thread
from bridge.write_behind import Files, WriteBehind, lasting

SILENCE_BYTES_MAX: Final = 64 * 1024 * 1024
SOUND: Final = ".wav"
WORDS: Final = ".transcript.json"


class RecordingFolder(CallFiles):
    """The folder with recordings and their transcripts."""

    def __init__(self, folder: Path, keep_days: int) -> None:
        super().__init__(folder, (SOUND, WORDS), keep_days)


def recording_files(folder: RecordingFolder) -> Files[SoundPiece]:
    """Recordings in a folder."""
    return Files("recording", partial(RecordingFile, folder), folder.forget_old)


class RecordingFile:
    """One call's sound, and its words in the end."""

    def __init__(self, folder: RecordingFolder, first: SoundPiece) -> None:
        call = first.call
        self._words = folder.path(call.call_sid, call.began_at, WORDS)
        self._sound = StereoFile(folder.path(call.call_sid, call.began_at, SOUND))

    def write(self, piece: SoundPiece) -> None:
        """Append the piece's sound, behind the silence that stands for what is missing."""
        self._sound.append(SILENCE * min(piece.silence, SILENCE_BYTES_MAX))
        self._sound.append(piece.sound)
        if piece.transcript is not None:
            words = msgspec.json.format(msgspec.json.encode(piece.transcript))
            with ExitStack() as undo:
                undo.callback(self._words.unlink, missing_ok=True)
                self._words.touch(mode=0o600)
                self._words.write_bytes(words + b"\n")
                undo.pop_all()

    def close(self) -> None:
        """Let go of the sound's file."""
        self._sound.close()


@asynccontextmanager
async def kept_recordings(
    settings: RecordingSettings, log: Log
) -> AsyncIterator[WriteBehind[SoundPiece]]:
    """Where calls leave their recordings while the server runs.

    Also with RECORDING=off: an agent may record, and what is too old goes in any case.
    """
    files = recording_files(RecordingFolder(settings.recording_dir, settings.recording_keep_days))
    writer = WriteBehind(files, blocking=in_thread(trio.CapacityLimiter(1)), log=log)
    async with lasting(writer):
        yield writer
