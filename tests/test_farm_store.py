"""A store gives back what was put into it or nothing, wherever it is and whatever happens; its troubles are a line."""

import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import s3fs

from audioviz.errors import InputError
from audioviz.farm.faults import StoreError, StoreFull, StoreRefused
from audioviz.farm.store import PAUSES, Store
from tests.farm_workers import forked

ODD = ["a/plain.h264", "a/ü ß 漢", "a/50%41 + ? # & [1] *", "a/'\"", "a/" + "x" * 200]
TWO = [bytes([number]) * 700_000 for number in range(2)]


@pytest.fixture(params=["folder", "memory", "file", "s3"])
def store(request, tmp_path):
    """An empty store, of each kind in turn."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    name = tmp_path.name
    places = {"folder": str(tmp_path / "here"), "file": f"file://{tmp_path}/here", "s3": f"s3://films/{name}"}
    place = Store(places.get(request.param, f"memory://{name}"))
    place.open()
    return place


def test_what_is_put_is_there(store):
    contents = {key: random.Random(key).randbytes(size) for key, size in zip(ODD, (0, 1, 31, 1000, 300_000))}
    for key, content in contents.items():
        store.put(key, content)
    assert store.keys("a") == {*contents}
    assert {key: store.get(key) for key in contents} == contents
    store.put(ODD[0], b"another")
    assert store.get(ODD[0]) == b"another"


def test_what_is_not_there_is_nothing(store):
    assert store.get("a/none") is None and store.keys("a") == set()
    store.put("a/one", b"1")
    assert store.get("a/none") is None and store.get("b/one") is None and store.keys("b") == set()


@pytest.mark.parametrize("damage", [lambda it: it[:-1], lambda it: it + b"x", lambda it: b"y" + it[1:], lambda it: b""])
def test_what_is_damaged_is_not_there(store, damage):
    store.put("a/one", b"content")
    store._files.write("a/one", damage(store._files.read("a/one")))
    assert store.get("a/one") is None and store.keys("a") == set()


def test_two_writers_of_one_key_and_a_reader_do_not_disturb_each_other(store):
    store.put("a/one", TWO[0])
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(store.put, "a/one", TWO[number % 2]) for number in range(12)]
        while not all(writer.done() for writer in writers):
            assert store.get("a/one") in TWO
        for writer in writers:
            writer.result()
    assert store.keys("a") == {"a/one"}


def _put_for_ever(place):
    store, number = Store(place), 0
    while True:
        store.put("a/one", TWO[number % 2])
        number += 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(tmp_path):
    store, draw = Store(str(tmp_path)), random.Random(0)
    for _ in range(10):
        store.put("a/one", TWO[0])
        writer = forked(_put_for_ever, str(tmp_path))
        time.sleep(draw.uniform(0.02, 0.1))
        writer.kill()
        writer.join()
        assert store.get("a/one") in TWO and store.keys("a") == {"a/one"}


class Failing:
    """Files that fail some times, then not."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def read(self, name):
        if self.errors:
            raise self.errors.pop(0)


def patient(*errors):
    """What becomes of reading, and the pauses that were made."""
    pauses = []
    store = Store("anywhere", pause=pauses.append)
    store._files = Failing(*errors)
    try:
        return store.get("a/one"), pauses
    except StoreError as error:
        return error, pauses


def test_what_may_pass_is_tried_again_with_growing_pauses():
    away = [StoreError("away")] * 9
    assert patient(*away[:3]) == (None, list(PAUSES[:3]))
    assert patient(*away) == (away[0], list(PAUSES))
    assert sorted(PAUSES) == list(PAUSES) and 15 <= sum(PAUSES) <= 25


@pytest.mark.parametrize("error", [StoreFull("full"), StoreRefused("denied")])
def test_what_cannot_pass_by_itself_is_not(error):
    assert patient(error) == (error, [])
    assert patient(StoreError("away"), error) == (error, [PAUSES[0]])


def test_slow_failures_are_tried_less_often(monkeypatch):
    ticks = iter(range(0, 1000, 15))
    monkeypatch.setattr("audioviz.farm.store.time.monotonic", lambda: next(ticks))
    away = StoreError("away")
    assert patient(*[away] * 9) == (away, list(PAUSES[:1]))


def test_a_folder_that_is_gone_is_not_made_by_what_is_put(tmp_path):
    store = Store(str(tmp_path / "store"), pause=lambda seconds: None)
    for ask in (lambda: store.put("a/one", b""), lambda: store.get("a/one"), lambda: store.keys("a"), store.try_out):
        with pytest.raises(StoreError, match="^store .*: No such file or directory: restore the way to it, which"):
            ask()
    assert not (tmp_path / "store").exists()
    store.open()
    store.put("a/one", b"1")
    assert store.get("a/one") == b"1"


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    for place in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreRefused, match=f"^store {place}: .*: give a folder where you may write; "):
            Store(str(place)).open()
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file that is full")
def test_a_full_disk_is_said_as_such(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    monkeypatch.setattr("audioviz.files.create", lambda path: open("/dev/full", "wb", 0))  # noqa: PTH123, SIM115
    with pytest.raises(StoreFull, match=f"^store {tmp_path}: No space left on device: free space there; "):
        store.open()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s33://films/x", r"store s33://films/x: expected a folder, or a URL such as .* \(did you mean s3\?\)$"),
        ("gs://films/x", "store gs://films/x: a package is not installed: .*gcsfs"),
        ("s3://key:hush@films/x", "store s3://...: a key does not belong there: give it by the environment"),
        ("sftp://me:hush@host/x", "store sftp://host/x: a package is not installed: .*paramiko"),
    ],
)
def test_a_place_that_cannot_be_one_is_refused(monkeypatch, place, said):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(InputError, match=f"^{said}") as refused:
        Store(place)
    assert "hush" not in str(refused.value)


def test_without_s3fs_the_extra_is_named(monkeypatch):
    def lacking(protocol):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.get_filesystem_class", lacking)
    with pytest.raises(InputError, match=r"pip install 'audioviz\[s3\]'$"):
        Store("s3://films/x")


def test_no_password_is_told():
    with pytest.raises(StoreError, match="^store ftp://127.0.0.1:1/x: Connection refused: ") as refused:
        Store("ftp://me:hush@127.0.0.1:1/x")
    assert "hush" not in str(refused.value)
    assert Store("memory://me:hush@host/x".replace("memory", "file")).place == "file://host/x"


def test_a_log_holds_no_password(tmp_path):
    store = Store(str(tmp_path))
    store.log("logs/one.log", "Traceback\n  ftp://me:hush@host/x failed")
    assert (tmp_path / "logs" / "one.log").read_text() == "Traceback\n  ftp://host/x failed"


def test_s3_is_asked_once_a_put_and_lists_a_folder_anew(s3):
    store = Store("s3://films/once")
    store.put("a/one", b"1")
    s3.asked.clear()
    store.put("a/two", b"2")
    assert s3.asked == ["PUT /films/once/a/two"]
    s3.asked.clear()
    assert [len(store.keys("a")) for _ in range(2)] == [2, 2]
    assert s3.asked == ["GET /films"] * 2


@pytest.fixture
def new_sessions(monkeypatch):
    """Without file systems that remember an earlier environment; they try once."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        ("403 Forbidden", "AccessDenied", StoreRefused, "give the key of one who may read and write there"),
        ("403 Forbidden", "ExpiredToken", StoreRefused, "give the key of one who may read and write there"),
        ("500 Error", "InternalError", StoreError, "restore the way to it"),
    ],
)
def test_what_s3_says_is_one_line(s3, monkeypatch, new_sessions, status, code, kind, advice):
    store = Store("s3://films/troubled")
    monkeypatch.setattr(s3, "fault", lambda request: (status, code))
    with pytest.raises(StoreError, match=f"^store s3://films/troubled: {code} is what it says: {advice}") as said:
        store.open()
    assert type(said.value) is kind and "\n" not in str(said.value)


def test_a_bucket_that_is_not_there_is_named(s3):
    with pytest.raises(StoreRefused, match="^store s3://none/x: The specified bucket does not exist: make its bucket"):
        Store("s3://none/x").open()


def test_a_server_that_does_not_answer_is_said(s3, monkeypatch, new_sessions):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        StoreError, match="^store s3://films/x: Could not connect to the endpoint URL: .*restore the way"
    ):
        Store("s3://films/x").open()


def test_want_of_a_key_is_said(s3, monkeypatch, new_sessions, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(
        StoreRefused, match="^store s3://films/x: Unable to locate credentials: give the key of one who"
    ):
        Store("s3://films/x").open()
