"""Recordings on disk: a file that is valid wherever the process dies, its writer, its end."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import trio

from bridge.call_files import DAY_S
from bridge.cli import main
from bridge.log import make_log
from bridge.recording import stereo
from bridge.recording.recording import RecordingName, SoundPiece
from bridge.recording.stereo import HEADER_BYTES, StereoFile, header
from bridge.recording.writer import (
    RecordingFolder,
    kept_recordings,
    recording_files,
)
from bridge.records.store import CallFilter, SqlStore
from bridge.settings.recording import RecordingSettings
from bridge.write_behind import WriteBehind
from tests.far_ends import CALL as SID
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run
from tests.record_parts import entry


# -------------------------------------------------------------------------------- the file
def samples_in(data: bytes) -> Any:
    """The file's samples as a sound library reads them."""
    read, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert (rate, read.shape[1]) == (8000, 2)
    return read


def test_the_file_is_valid_wherever_the_process_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each byte that reaches the disk, save within the header, it reads as a prefix."""
    path, found = tmp_path / "x.wav", list[int]()
    honest: Callable[..., int] = os.pwrite

    def torn(file: int, data: Any, at: int) -> int:
        part = data if at == 0 else data[: max(1, len(data) // 3)]
        count = honest(file, part, at)
        found.append(len(samples_in(path.read_bytes())))
        return count

    monkeypatch.setattr(os, "pwrite", torn)
    file = StereoFile(path)
    for number in range(5):
        file.append(bytes([0x80 + number]) * 2 * 8000)
    file.append(b"")
    file.close()
    whole = samples_in(path.read_bytes())

    assert found == sorted(found)
    assert set(found) == {0, 8000, 16_000, 24_000, 32_000, 40_000}
    assert len(whole) == 40_000
    assert path.stat().st_mode & 0o077 == 0


def test_the_header_is_as_long_as_it_says() -> None:
    """And is written by one call."""
    assert len(header(0)) == HEADER_BYTES


def test_a_file_at_wavs_own_bound_takes_no_more(tmp_path: Path) -> None:
    """Four gigabytes: 74 hours."""
    file = StereoFile(tmp_path / "x.wav")
    file._size = stereo.BYTES_MAX - 1
    file.append(b"\0\0")
    file.close()

    assert (tmp_path / "x.wav").stat().st_size == HEADER_BYTES


# -------------------------------------------------------------------------------- the writer
def writer_to(folder: Path, lines: Lines) -> WriteBehind[SoundPiece]:
    """A writer without threads."""
    log = make_log(lines.keep, lambda: NOW)
    return WriteBehind(recording_files(RecordingFolder(folder, 0)), blocking=at_once, log=log)


def files_in(folder: Path) -> list[str]:
    """The files' names without the call's time."""
    return sorted(path.name.split("Z.")[-1] for path in folder.iterdir())


async def test_a_call_leaves_its_sound_and_its_words(tmp_path: Path) -> None:
    """Lost sound is silence in its place."""
    writer, call = writer_to(tmp_path / "a", Lines()), RecordingName(SID, NOW)
    writer.take(SoundPiece(call, b"\1\2" * 8000))
    writer.take(SoundPiece(call, b"\1\2" * 8000, silence=1600))
    writer.take(SoundPiece(call, b"", 0, [{"who": "agent"}]))
    await run(writer)

    assert files_in(tmp_path / "a") == ["transcript.json", "wav"]
    (sound,) = (tmp_path / "a").glob("*.wav")
    assert len(samples_in(sound.read_bytes())) == 16_800
    assert sound.name.startswith(SID)


async def test_a_disk_that_fails_costs_the_recording_and_one_line(tmp_path: Path) -> None:
    """Nothing is tried again."""
    lines = Lines()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    writer, call = writer_to(blocked, lines), RecordingName(SID, NOW)
    for piece in (
        SoundPiece(call, b"\0\0"),
        SoundPiece(call, b"\0\0"),
        SoundPiece(call, b"", 0, []),
    ):
        writer.take(piece)
    writer.take(SoundPiece(RecordingName("../x", NOW), b"\0\0"))
    await run(writer)

    assert [line["event"] for line in lines] == ["recording_lost"] * 2


async def test_the_running_writer_writes_and_deletes(tmp_path: Path) -> None:
    """Leaving waits for what is still to be written; what is too old goes."""
    old = tmp_path / f"{SID}.20200101T000000.000000Z.wav"
    old.touch()
    os.utime(old, (time.time() - 2 * DAY_S,) * 2)
    deleted = trio.Event()
    log = make_log(lambda line: deleted.set(), lambda: NOW)
    given = RecordingSettings(recording_dir=tmp_path, recording_keep_days=1)
    async with kept_recordings(given, log) as sink:
        await deleted.wait()
        sink.take(SoundPiece(RecordingName(SID, NOW), b"\0\0", 0, []))

    assert files_in(tmp_path) == ["transcript.json", "wav"]


def test_a_call_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recording, transcript, flight record and record, and nobody else's."""
    one, other = entry(1), entry(2)
    store = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    store.add([one, other])
    for call in (one.call_sid, other.call_sid):
        for name in ("wav", "transcript.json", "flight.gz"):
            (tmp_path / f"{call}.20260101T000000.000000Z.{name}").touch()
    for name, value in {
        "OPENAI_API_KEY": "sk-test",
        "RECORDING_DIR": tmp_path,
        "FLIGHT_DIR": tmp_path,
        "DATABASE_URL": f"sqlite:///{tmp_path}/calls.db",
    }.items():
        monkeypatch.setenv(name, str(value))
    code = main(["forget", one.call_sid, "--env-file", os.devnull])

    assert code == 0
    assert [line[-9:] for line in capsys.readouterr().out.splitlines()] == [
        "2 deleted",
        "1 deleted",
        "1 deleted",
    ]
    assert [call.call_sid for call in store.calls(CallFilter())] == [other.call_sid]
    assert {path.name[:34] for path in tmp_path.glob("CA*")} == {other.call_sid}
    store.close()
