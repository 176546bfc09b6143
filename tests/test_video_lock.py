"""audioviz.video.lock: one owner at a time, who may remove what he locks; and the files that it and others stand on."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from audioviz import files
from audioviz.files import open_plain, put
from audioviz.video import lock
from audioviz.video.lock import LOCK, FolderLock

OWNER = """
import os, random, sys
from pathlib import Path
from audioviz.video.lock import FolderLock

folder, chance, owned = Path(sys.argv[1]), random.Random(sys.argv[2]), 0
while owned < 200:
    try:
        lock = FolderLock(folder)
    except (BlockingIOError, PermissionError):  # the latter on Windows, while a folder is going
        continue
    owned += 1
    mark = folder.with_name("owner")
    mark.touch(exist_ok=False)
    mark.unlink()
    lock.remove() if chance.random() < 0.7 else lock.close()
print(owned)
"""


def test_many_who_lock_and_remove_a_folder_never_own_it_together(tmp_path):
    command = [sys.executable, "-c", OWNER, str(tmp_path / "work")]
    owners = [
        subprocess.Popen([*command, str(number)], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE)
        for number in range(4)
    ]
    assert [owner.communicate()[0].split() for owner in owners] == [[b"200"]] * 4
    FolderLock(tmp_path / "work").remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("another", [False, True], ids=["alone", "another is quicker"])
def test_who_waits_never_holds_what_has_no_name_any_more(tmp_path, monkeypatch, another):
    owners = [FolderLock(tmp_path / "work")]

    def late(descriptor: int, *, blocking: bool, real=lock.lock_descriptor) -> bool:
        """The owner removes the folder after we opened its file, and the next one may be there before us."""
        monkeypatch.setattr(lock, "lock_descriptor", real)
        owners[0].remove()
        if another:
            owners.append(FolderLock(tmp_path / "work"))
        return real(descriptor, blocking=blocking)

    monkeypatch.setattr(lock, "lock_descriptor", late)
    with pytest.raises(BlockingIOError) if another else nullcontext():
        owners.append(FolderLock(tmp_path / "work"))
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path / "work")
    owners[1].remove()
    assert not list(tmp_path.iterdir())


def test_who_removes_never_removes_what_the_next_one_holds(tmp_path, monkeypatch):
    owners = []

    def unlock(descriptor: int, *, real=lock.unlock_descriptor) -> None:
        """The next owner waits for this very moment."""
        monkeypatch.setattr(lock, "unlock_descriptor", real)
        real(descriptor)
        owners.append(FolderLock(tmp_path / "work"))

    monkeypatch.setattr(lock, "unlock_descriptor", unlock)
    FolderLock(tmp_path / "work").remove()
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path / "work")
    owners[0].close()


def test_it_is_held_against_the_same_process_until_it_is_closed(tmp_path):
    owner = FolderLock(tmp_path / "work")
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path / "work")
    owner.close()
    owner.close()
    FolderLock(tmp_path / "work").close()
    assert [path.name for path in (tmp_path / "work").iterdir()] == [LOCK]


def test_it_ends_with_its_process(tmp_path):
    code = "import sys; from pathlib import Path; from audioviz.video.lock import FolderLock\n"
    code += "lock = FolderLock(Path(sys.argv[1])); print(1, flush=True); sys.stdin.read()"
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "work")],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with owner:
        assert owner.stdout.readline().strip() == b"1"
        with pytest.raises(BlockingIOError):
            FolderLock(tmp_path / "work")
        owner.kill()
        owner.wait()
    FolderLock(tmp_path / "work").close()


def test_what_others_put_in_the_folder_stays_with_it(tmp_path):
    owner = FolderLock(tmp_path / "work")
    (tmp_path / "work" / "notes").touch()
    owner.remove()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["notes"]


@pytest.fixture(params=["as it is", "without flags"])
def machine(request, monkeypatch):
    """The flags that the system has, and none of those that it may lack."""
    if request.param == "without flags":
        for name in ("_NO_LINK", "_PLAIN"):
            monkeypatch.setattr(files, name, 0)
        monkeypatch.setattr(files, "_READ", os.O_RDONLY)
        monkeypatch.setattr(files, "_SHARED", os.O_RDWR | os.O_CREAT)
        monkeypatch.setattr(files, "_FOLDER", None)


def test_a_link_in_the_place_of_the_folder_or_its_lock_is_not_followed(machine, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(OSError, match="work"):
        FolderLock(tmp_path / "work")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / LOCK).symlink_to(tmp_path / "elsewhere" / "file")
    with pytest.raises(OSError, match=LOCK):
        FolderLock(tmp_path / "other")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_only_a_plain_file_is_read(machine, tmp_path):
    (tmp_path / "file").write_bytes(b"1\r\n2\x1a3")
    with open_plain(tmp_path / "file") as file:
        assert file.readall() == b"1\r\n2\x1a3"
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    for path in tmp_path.iterdir():
        if path.name != "file":
            with pytest.raises(OSError):
                open_plain(path)


class SharingViolation(PermissionError):
    """As Windows raises it."""

    winerror = 32


@pytest.mark.parametrize(
    "error, times, tries", [(SharingViolation, 3, 4), (SharingViolation, 9, 5), (PermissionError, 9, 1)]
)
def test_a_rename_is_tried_again_where_others_may_look_at_the_file(tmp_path, monkeypatch, error, times, tries):
    monkeypatch.setattr(files, "_PAUSES", (0, 0, 0, 0))
    tried = []

    def refuse(part: Path, path: Path, *, real=Path.replace) -> Path:
        tried.append(path)
        if len(tried) <= times:
            raise error("looked at")
        return real(part, path)

    monkeypatch.setattr(Path, "replace", refuse)
    (tmp_path / "part").write_text("new")
    try:
        put(tmp_path / "part", tmp_path / "file")
    except error:
        assert times == 9
    assert len(tried) == tries and (tmp_path / "file").exists() == (times == 3)
