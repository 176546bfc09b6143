"""Lyrics with times become prompts, a keyframe a line."""

import json
import warnings

import pytest

import audioviz as av
from audioviz.errors import AudiovizWarning, ScheduleError
from tests.songs import made_song

WORDS = """\ufeff[ti: A song]
[ar:Someone]
[offset:+500]
[00:01.00]first light
[00:02.50][00:07.5] chorus of gold --neg mud

[00:04.00]
[00:05:50]<00:05.50> words <00:05.90> with <00:06.00>stamps
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "words.LRC").write_text(WORDS, encoding="utf-8")
    return tmp_path / "words.LRC"


def prompts(path, song, **options):
    return av.Schedule(clock=song.clock).with_prompts([str(path)], song=song, **options).prompts


def test_each_line_is_a_keyframe(path):
    found = prompts(path, made_song(seconds=9), negative="grey")
    assert [(p.seconds, p.text, p.negative) for p in found] == [
        (0.5, "first light", "grey"),
        (2.0, "chorus of gold", "mud"),
        (5.0, "words with stamps", "grey"),
        (7.0, "chorus of gold", "mud"),
    ]


def test_lyrics_stand_beside_timed_prompts(path):
    song = made_song(seconds=9)
    plan = av.Schedule(clock=song.clock).with_prompts(["0s: dark", str(path)], song=song)
    assert [p.text for p in plan.prompts][:2] == ["dark", "first light"]


def test_a_part_of_a_song_begins_with_the_line_that_is_being_sung(path):
    song = made_song(seconds=3)
    object.__setattr__(song, "start", 3.0)
    with pytest.warns(AudiovizWarning, match="2 of its 4 lines lie outside of the song and are left out"):
        found = prompts(path, song)
    assert [(p.seconds, p.text) for p in found] == [(0.0, "chorus of gold"), (2.0, "words with stamps")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[00:01.00]When [00:01.50]the <00:01.70>sun", [(1, "When the sun")]),
        ("[00:03.00]<00:04.00>hel<00:04.50>lo you", [(3, "hello you")]),
        ("[au2:foo]\n[offset:]\n# a comment\n[Verse 1]\n[ti:a [live] song]\n[00:01]a", [(1, "a")]),
        ("[offset:250.5]\n[00:01]a", [(0.7495, "a")]),
        ("[00:01]a\r[00:02]b\x0b\u2028c\r\n[00:03]d", [(1, "a"), (2, "b c"), (3, "d")]),
        ("[00:00:01.00]a\n[00:01,50]b\n[00:02:50]c", [(1, "a"), (1.5, "b"), (2.5, "c")]),
        ("[-00:01.00]a\n[00:01.00]b <00:01,20>c", [(0, "a"), (1, "b c")]),
        ('{"t":0,"c":[{"tx":"writer: "},{"tx":"A"}]}\n[00:01.00]a', [(1, "a")]),
    ],
)
def test_what_others_write_is_read(tmp_path, text, found):
    (tmp_path / "a.lrc").write_bytes(text.encode())
    assert [(p.seconds, p.text) for p in prompts(tmp_path / "a.lrc", made_song())] == found


SRT = """1
00:00:01,000 --> 00:00:03,000
<i>red</i> sea

2
00:00:03,500 --> 00:00:05,000 X1:100
{\\an8}gold &amp; field
far away
"""
TIGHT_SRT = """1
00:00:01,000 --> 00:00:03,000
red sea
2
00:00:03,500 --> 00:00:05,000
gold & field
far away"""
VTT = """WEBVTT - a song

NOTE nothing

intro
00:01.000 --> 00:03.000 align:start
<v Singer>red <00:02.000>sea

00:00:03.500 --> 00:00:05.000
gold & field
far away
"""
ASS = """[Script Info]
Title: x
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:05.00,Default,,0,0,0,,no
Dialogue: 0,0:00:03.50,0:00:05.00,Default,,0,0,0,,gold & field\\Nfar away
Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\k20}red {\\k30}sea
"""


_DIALOGUE = "[Events]\n{}Dialogue: {}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "WEBVTT\n\n00:01.000 --> 00:02.000 position:0%\n \nred<00:01.500><c> sea</c>\n\n00:03.000 --> 00:04.000\n",
            "red sea",
        ),
        ("1\r\r\n00:00:01,000 --> 00:00:02,000\r\r\nred\r\r\nsea\r\r\n\r\r\n", "red sea"),
        ("1\n00:00:01,000 --> 00:00:02,000\nred<br/>sea\n", "red sea"),
        (_DIALOGUE.format("", "0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\k20}r{\\k30}ed{\\k9} sea"), "red sea"),
        (_DIALOGUE.format("Format: Start, End, Text\n", "0:00:01.00,0:00:02.00,red, sea"), "red, sea"),
        (
            _DIALOGUE.format("", "0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\an7\\p1}m 0 0 l 9 9{\\p0}red sea"),
            "red sea",
        ),
        (
            _DIALOGUE.format("", "0,0:00:00.00,0:00:01.00\nDialogue: 0,0:00:01.00,0:00:02.00,x,,0,0,0,,red sea"),
            "red sea",
        ),
    ],
    ids=["youtube", "two returns", "break", "syllables", "columns", "drawing", "short"],
)
def test_subtitles_of_other_programs_keep_their_words_and_times(tmp_path, text, found):
    (tmp_path / "a.srt").write_bytes(text.encode())
    assert [(p.seconds, p.text) for p in prompts(tmp_path / "a.srt", made_song())] == [(1, found)]


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass", "a.txt"])
@pytest.mark.parametrize("text", [SRT, TIGHT_SRT, VTT, ASS, "[00:01.00]red sea\n[00:03.50]gold & field far away"])
def test_subtitles_and_lyrics_are_told_by_their_content(tmp_path, name, text):
    song, wanted = made_song(seconds=9), [(1, "red sea"), (3.5, "gold & field far away")]
    (tmp_path / name).write_text(text.replace("\n", "\r\n"))
    assert [(p.seconds, p.text) for p in prompts(tmp_path / name, song)] == wanted
    assert [(p.seconds, p.text) for p in av.load_schedule(tmp_path / name)(song).prompts] == wanted


@pytest.mark.parametrize(
    ("encoding", "words", "said"),
    [
        ("gbk", "金色的海", "GBK"),
        ("big5", "遠方的家", "Big5"),
        ("shift_jis", "赤い海", "Shift-JIS"),
        ("euc_jp", "夜の街を歩いて", "EUC-JP"),
        ("euc_kr", "밤하늘의 별", "EUC-KR"),
        ("cp1252", "café ‘noir’ über mañana", "Windows-1252"),
        ("cp1251", "красное море", "Windows-1251"),
        ("cp1254", "Seni seviyorum aşkım, güneş doğuyor", "Windows-1254"),
        ("cp874", "สวัสดีชาวโลก ฉันรักเธอ", "Windows-874"),
        ("big5", "我們的愛情故事 寂寞的夜晚", "Big5"),
        ("utf-16", "金色的海", None),
        ("utf-16-le", "red sea", None),
        ("utf-8", "café", None),
    ],
)
def test_encodings_that_people_have_are_read_and_guesses_are_said(tmp_path, encoding, words, said):
    (tmp_path / "a.lrc").write_bytes(f"[ti:x]\n[00:01.00]{words}\n[00:03.00]a line of words\n".encode(encoding))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert prompts(tmp_path / "a.lrc", made_song())[0].text == words
    assert [f"read as {said}: " in str(warning.message) for warning in caught] == ([True] if said else [])


def test_a_schedule_file_opens_no_other_file(tmp_path):
    song = made_song()
    (tmp_path / "a.json").write_text(
        json.dumps(
            {"fps": 12, "frames": song.clock.frames, "prompts": [{"seconds": 0, "prompt": "/nowhere/words.lrc"}]}
        )
    )
    assert av.load_schedule(tmp_path / "a.json")(song).prompts[0].text == "/nowhere/words.lrc"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[00:01]a\nno time here", "line 2: 'no time here' has no time"),
        ("[offset:soon]\n[00:01]a", "line 1: offset 'soon'"),
        ("[00:01]a\n[0:0:0:0] b", "line 2: .* has no time"),
        ("[ti:x]\n[00:01]\n", "has no words with a time"),
        ("", "has no words"),
        ("[00:01]a\n[Chorus] la la [x2]", "line 2: .* has no time"),
        ("[offset:nan]\n[00:01]a", "line 1: offset 'nan'"),
        ("[01:00]a\n[02:00]b", "none of its 2 lines is sung within the song, the first at 60.00 s of 4.00 s"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, text, said):
    (tmp_path / "a.lrc").write_text(text)
    with pytest.raises(ScheduleError, match="a.lrc.*" + said):
        prompts(tmp_path / "a.lrc", made_song())


def test_unreadable_files_are_one_line(tmp_path):
    (tmp_path / "a.lrc").write_bytes(b"\xff\xfe\x00[\x00")
    for path, said in (
        (tmp_path / "a.lrc", "not text in utf-16, which its first bytes say"),
        (tmp_path / "b.lrc", "no such file"),
    ):
        with pytest.raises(ScheduleError, match=said):
            prompts(path, made_song())
