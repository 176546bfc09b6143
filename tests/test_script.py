import sys

import pytest

import audioviz as av
from audioviz.errors import AudiovizError, InputError, ScheduleError
from audioviz.shelf import copy_out, folder, names
from tests.songs import made_song

GOOD = '''"""One line."""
import audioviz as av

def schedule(song, *, every: int = 4, punch: float = 0.45, hard: bool = False, word: str = "x") -> av.Schedule:
    return av.Schedule(
        seed=av.seeds.change_at(song.beats[::every], base=7),
        denoise=0.30 + punch * song.onset.decay(0.3),
        noise=0.1 if hard else 0.0,
        prompts=[word],
    )
'''


@pytest.fixture
def script(tmp_path):
    def write(text: str):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write


def test_a_script_reads_its_settings_by_their_types(script):
    schedule = av.load_schedule(script(GOOD))(made_song(), every="2", punch="0.1", hard="true", word="7")
    assert len(set(schedule.seed.tolist())) == 4 and schedule.denoise.max() <= 0.4 + 1e-9
    assert schedule.noise[0] == 0.1 and schedule.prompts[0].text == "7"


def test_a_script_leaves_no_trace(script, tmp_path, monkeypatch):
    before = list(sys.path)
    av.load_schedule(script(GOOD))(made_song())
    assert sys.path == before and [p.name for p in tmp_path.iterdir()] == ["mine.py"]


def test_a_script_imports_the_files_beside_it_and_leaves_no_trace(script, tmp_path):
    other = tmp_path / "other"
    for place, number in ((tmp_path, 0.25), (other, 0.75)):
        place.mkdir(exist_ok=True)
        (place / "beside_it.py").write_text(f"LEVEL = {number}\n")
        (place / "mine.py").write_text(
            "import audioviz as av\nimport beside_it\n\ndef schedule(song):\n    from beside_it import LEVEL\n"
            "    assert LEVEL == beside_it.LEVEL\n    return av.Schedule(denoise=LEVEL)\n"
        )
    before = list(sys.path)
    found = [av.load_schedule(place / "mine.py")(made_song()).denoise[0] for place in (tmp_path, other)]
    assert found == [0.25, 0.75] and sys.path == before and "beside_it" not in sys.modules


@pytest.mark.parametrize("text", ["LEVEL = 1 / 0\n", "LEVEL = = 1\n"])
def test_an_error_beside_a_script_is_told_with_its_place(script, tmp_path, text):
    (tmp_path / "beside_it.py").write_text("\n" + text)
    with pytest.raises(ScheduleError, match=r"beside_it.py:2: (ZeroDivisionError|SyntaxError)"):
        av.load_schedule(script("import beside_it\n"))


def test_options_may_stand_before_the_star_and_be_lists(script):
    text = """
import audioviz as av

def schedule(song, level=0.5, marks: list[int] = (), more=[0.5], *, words: "list[str] | None" = None, size: int | None):
    assert (marks, more, words, size) == ([1, 20], [0.25, 1.0], ["a", "b c"], 7)
    return av.Schedule(denoise=level)
"""
    settings = {"level": "0.25", "marks": "1, 20", "more": "[0.25, 1]", "words": "a,b c", "size": "7"}
    assert av.load_schedule(script(text))(made_song(), **settings).denoise[0] == 0.25
    with pytest.raises(ScheduleError, match="setting marks=1,x: expected a whole number, or several with commas"):
        av.load_schedule(script(text))(made_song(), marks="1,x")
    with pytest.raises(ScheduleError, match="setting table=1: the script takes a dict there, which cannot be typed"):
        av.load_schedule(script("def schedule(song, table={}): ...\n"))(made_song(), table="1")


def test_a_setting_of_a_few_choices(script):
    own = "import typing\nimport audioviz as av\n\n"
    own += "def schedule(song, mode: typing.Literal['soft', 2] = 2):\n    return av.Schedule(denoise=mode == 2)\n"
    source = av.load_schedule(script(own))
    assert source(made_song(), mode="2").denoise[0] > 0 and source(made_song(), mode="soft").denoise[0] == 0
    with pytest.raises(ScheduleError, match="setting mode=sof .did you mean soft..: expected one of soft, 2"):
        source(made_song(), mode="sof")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": "x"}, "setting every=x: expected a whole number"),
        ({"punch": "loud"}, "punch=loud: expected a number"),
        ({"hard": "maybe"}, "hard=maybe: expected true or false"),
        ({"punsh": "1"}, "mine.py has no setting 'punsh' \\(did you mean punch\\?\\): it has every, punch, hard, word"),
    ],
)
def test_wrong_settings_are_refused(script, settings, message):
    with pytest.raises(ScheduleError, match=message):
        av.load_schedule(script(GOOD))(made_song(), **settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n" * 11 + "y = 1 / 0\n", r"mine.py:12: ZeroDivisionError: division by zero"),
        ("\n" * 11 + "def schedule(song:\n", r"mine.py:12: SyntaxError"),
        ("def schedule(song):\n    return song.nothing\n", r"mine.py:2: AttributeError: a song has no 'nothing'"),
        (
            "import audioviz as av\n\n\ndef schedule(song):\n    x = 1\n    return av.Schedule(denoise='x')\n",
            r"mine.py:6: denoise: expected numbers",
        ),
        ("import nowhere\n", r"mine.py:1: ModuleNotFoundError"),
        ("def schedule(song):\n    raise SystemExit(3)\n", r"mine.py:2: SystemExit: 3"),
        ("x = 1\n", r"mine.py: defines no function schedule"),
        ("def schedule(song):\n    return 3\n", r"mine.py: schedule\(\) returned int, expected an av.Schedule"),
    ],
)
def test_an_error_in_a_script_is_one_line_with_its_place(script, text, message):
    with pytest.raises(ScheduleError, match=message) as caught:
        av.load_schedule(script(text))(made_song())
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_known_and_files_must_exist(tmp_path):
    with pytest.raises(
        InputError,
        match="unknown schedule 'puls' \\(did you mean pulse\\?\\): use boombap, breathe, .*pulse, .* or the path",
    ):
        av.load_schedule("puls")
    with pytest.raises(InputError, match="gone.py: no such file"):
        av.load_schedule(tmp_path / "gone.py")
    with pytest.raises(InputError, match="pulse.doc: no such file"):
        av.load_schedule(tmp_path / "pulse.doc")


def test_the_shelf_lists_and_copies(tmp_path):
    assert {"pulse", "drift", "strobe"} <= names("schedules").keys() and all(names("schedules").values())
    copy = copy_out("pulse", tmp_path / "mine.py")
    assert copy.read_text() == (folder("schedules") / "pulse.py").read_text()
    assert copy_out("pulse", tmp_path / "yours") == tmp_path / "yours.py"
    assert copy_out("pulse", tmp_path) == tmp_path / "pulse.py"
    with pytest.raises(InputError, match="did you mean pulse"):
        copy_out("plse", tmp_path)
    with pytest.raises(InputError, match="exists already"):
        copy_out("pulse", copy)
    with pytest.raises(InputError, match="nothing ready-made is called 'puls'"):
        copy_out("puls")
    with pytest.raises(AudiovizError, match="cannot be written"):
        copy_out("pulse", tmp_path / "nowhere" / "x.py")
