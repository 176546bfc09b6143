"""Words in the picture: lines with ends and word times, rows that fit, a fill that follows the voice, no blinking."""

from itertools import combinations, pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import soundfile
from PIL import features

import audioviz as av
from audioviz.errors import AudiovizError, AudiovizWarning, InputError, ScheduleError
from audioviz.project import Finish
from audioviz.rendering.lettering import words_identity
from audioviz.rendering.tween_pictures import way_identity
from audioviz.schedule.lyrics import STAY_SECONDS, Line, read_lyrics
from audioviz.video.probe import read_frames
from audioviz.video.subtitles import times_of_lines, tops_of_lines
from audioviz.video.typeset import FONT, Typeface, set_rows
from audioviz.video.words import TITLE_SECONDS, Words, WordsStyle, check_words
from tests.models import fake_model
from tests.songs import made_song

PLACES = ("bottom", "middle", "top")
DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
GREY = np.full((180, 320, 3), 90, np.uint8)
SIZE = (320, 180)
CALM = WordsStyle(fade=0)


def drawn(lines, seconds, *, picture=GREY, style=CALM, **options):
    words = Words(lines, style, size=picture.shape[1::-1], **options)
    return words(picture, seconds)


def changed(picture, other):
    """Rows and columns of the box that differs."""
    rows, columns = np.nonzero((picture != other).any(axis=2))
    return (rows.min(), rows.max() + 1), (columns.min(), columns.max() + 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[00:01]a\n[00:03]b\n[00:04]\n", [Line(1, 3, "a"), Line(3, 4, "b")]),
        ("[00:01]a", [Line(1, 1 + STAY_SECONDS, "a")]),
        ("[00:01]a\n[00:01]b\n[00:02]", [Line(1, 2, "a"), Line(1, 2, "b")]),
        (
            "[00:01.00] <00:01.00> When  <00:01.50> the <00:02.50>\n[00:04]",
            [Line(1, 4, "When the", ((0, 1.0), (4, 1.5), (8, 2.5)))],
        ),
        (
            "[00:01.00]hel[00:01.50]lo\n[00:02]",
            [Line(1, 2, "hello", ((0, 1.0), (3, 1.5), (5, pytest.approx(1.667, abs=1e-3))))],
        ),
        (
            "[offset:500]\n[00:01.00][00:11.00]a<00:01.50> b<00:02.00>",
            [
                Line(0.5, 9.5, "a b", ((0, 0.5), (1, 1.0), (3, 1.5))),
                Line(10.5, 19.5, "a b", ((0, 10.5), (1, 11), (3, 11.5))),
            ],
        ),
        ("1\n00:00:01,000 --> 00:00:02,500 X1:3\nred\n<i>sea</i>\n", [Line(1, 2.5, "red\nsea")]),
        ("1\n00:00:05,000 --> 00:00:01,000\nno end\n", [Line(5, 5 + STAY_SECONDS, "no end")]),
        (
            "WEBVTT\n\n00:01.000 --> 00:03.000\nred <00:02.000><c>sea</c> &amp; [00:12]\n",
            [Line(1, 3, "red sea & [00:12]", ((0, 1), (3, 2), (17, 3)))],
        ),
        (
            "Dialogue: 0,0:00:01.00,0:00:03.00,x,,0,0,0,,{\\k20}gol{\\kf30\\i1}den {\\k10}{\\K40}sea",
            [Line(1, 3, "golden sea", ((0, 1), (3, 1.2), (6, 1.5), (6, 1.6), (10, 2.0)))],
        ),
        ("Dialogue: 0,0:00:01.00,0:00:03.00,x,,0,0,0,,red\\Nsea", [Line(1, 3, "red\nsea")]),
        (
            "[00:01.00]a <00:03.00>b <00:02.00>c\n[00:09]",
            [Line(1, 9, "a b c", ((0, 1), (1, 3), (3, 3), (5, pytest.approx(3.167, abs=1e-3))))],
        ),
        ("[00:01]e\u0301\u200b\ufeff\n[00:02]", [Line(1, 2, "é")]),
    ],
)
def test_lines_have_ends_and_word_times(text, found):
    lines = read_lyrics(text)
    assert [(line.start, line.end, line.text) for line in lines] == [(one.start, one.end, one.text) for one in found]
    for line, one in zip(lines, found):
        assert [at for at, _ in line.marks] == [at for at, _ in one.marks]
        assert [seconds for _, seconds in line.marks] == [pytest.approx(seconds) for _, seconds in one.marks]


def test_a_file_without_times_has_no_lines():
    with pytest.raises(ScheduleError, match="has no words with a time"):
        read_lyrics("[ti:x]\n[00:01]\n")


def test_where_no_words_are_the_picture_is_the_same_object():
    words = Words([Line(1, 2, "a"), Line(4, 5, "b")], WordsStyle(fade=0.2), size=SIZE)
    assert all((words(GREY, seconds) is GREY) == same for seconds, same in ((0.5, True), (1.5, False), (3, True)))
    before = GREY.copy()
    words(GREY, 1.5)
    np.testing.assert_array_equal(GREY, before)


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (256, 256), (96, 64)])
@pytest.mark.parametrize("place", PLACES)
def test_words_stay_inside_whatever_their_length(size, place):
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    for text in ("Ångström", "a line of many words " * 6, "Donaudampfschifffahrtsgesellschaft" * 3):
        out = drawn([Line(0, 9, text.strip())], 1, picture=picture, style=WordsStyle(place=place))
        (top, bottom), (left, right) = changed(out, picture)
        assert left > 0.02 * size[0] and right < 0.98 * size[0]
        assert top > 0 and bottom < size[1]
        assert abs((left + right) - size[0]) <= 3  # in the middle


def test_words_stand_where_they_are_asked_for():
    middles = {
        place: np.mean(changed(drawn([Line(0, 9, "hey")], 1, style=WordsStyle(place=place)), GREY)[0])
        for place in PLACES
    }
    assert middles["top"] < 40 and middles["middle"] == pytest.approx(90, abs=5) and middles["bottom"] > 140


def test_rows_are_balanced_and_lose_no_letter():
    face, text = Typeface(), "we are the quiet ones who never sleep and never ever go back home"
    rows = set_rows(face, text, size=20, width=300, height=200)
    assert [row.text for row in rows] == [text[row.first : row.last] for row in rows]
    assert " ".join(row.text for row in rows) == text
    widths = [face.edges(row.text)[-1] * row.size for row in rows]
    assert (
        len(rows) == int(np.ceil(face.edges(text)[-1] * 20 / 300))
        and max(widths) <= 300
        and min(widths) > 0.7 * max(widths)
    )


def test_rows_break_where_a_language_does():
    face = Typeface()
    rows = [
        row.text for row in set_rows(face, "夜の街を歩いて、君の声を「探して」いた。", size=20, width=150, height=400)
    ]
    assert len(rows) > 2
    assert not any(row[0] in "、。」" or row[-1] in "「" for row in rows)
    korean = [row.text for row in set_rows(face, "밤하늘의 별을 따라서 가자", size=20, width=110, height=400)]
    assert " ".join(korean) == "밤하늘의 별을 따라서 가자"
    assert [row.text for row in set_rows(face, "red\nsea", size=20, width=400, height=400)] == ["red", "sea"]


def test_a_word_that_is_too_long_is_smaller_and_at_last_broken():
    face = Typeface()
    [row] = set_rows(face, "incomprehensibilities", size=20, width=150, height=400)
    assert row.size < 20 and face.edges(row.text)[-1] * row.size <= 150
    assert len(set_rows(face, "a" * 200, size=20, width=150, height=400)) > 1


def karaoke(text="one two three"):
    return Line(0, 4, text, tuple((round(share * len(text)), 4 * share) for share in (0, 0.25, 0.5, 0.75, 1)))


def test_the_fill_follows_the_voice_without_jumps():
    line, white = karaoke(), WordsStyle(fade=0, outline=0)
    words = Words([line], white, size=SIZE)
    sums = np.array([words(GREY, seconds).sum(dtype=float) for seconds in np.linspace(0.02, 3.98, 60)])
    steps = np.diff(sums)
    assert (steps >= 0).all() and steps.max() < 0.06 * (sums[-1] - sums[0])
    whole = drawn([Line(0, 4, line.text)], 1, style=white)
    np.testing.assert_array_equal(words(GREY, 3.999), whole)


def test_the_fill_goes_from_row_to_row():
    style = WordsStyle(fade=0, size=16)
    line = karaoke("one two three four five six seven eight")
    half = drawn([line], 2, style=style).astype(int)
    whole = drawn([Line(0, 4, line.text)], 2, style=style).astype(int)
    (top, bottom), _ = changed(whole, GREY)
    differs = np.nonzero((half != whole).any(axis=(1, 2)))[0]
    assert differs.min() > top + 0.3 * (bottom - top)  # the first row is sung


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no raqm")
def test_what_reads_from_the_right_is_filled_from_there():
    style = WordsStyle(fade=0, font=DEJAVU, size=14)
    half = drawn([karaoke("שלום עולם טוב")], 2, style=style)
    none = drawn([karaoke("שלום עולם טוב")], 0.001, style=style)
    _, (left, right) = changed(none, GREY)
    assert changed(half, none)[1][0] > left + 0.3 * (right - left)


@pytest.mark.parametrize("upwards", [True, False])
def test_lines_that_are_sung_together_do_not_cover_each_other(upwards):
    lines = [Line(0, 4, "a"), Line(1, 5, "b"), Line(3, 8, "c"), Line(4.05, 7, "d"), Line(8, 9, "e")]
    heights = [10, 20, 10, 30, 10]
    tops = tops_of_lines(lines, heights, [100 - height * upwards for height in heights], upwards=upwards, gap=2)
    for (one, top, height), (other, top_2, height_2) in combinations(zip(lines, tops, heights), 2):
        if one.end - 0.1 > other.start:
            assert top + height < top_2 or top_2 + height_2 < top, (one.text, other.text)
    assert tops[0] == tops[4] == 100 - 10 * upwards  # who has the picture for himself


def test_of_two_lines_at_one_time_the_first_stands_above():
    lines = [Line(0, 2, "one"), Line(0, 2, "two")]
    for upwards in (True, False):
        first, second = tops_of_lines(lines, [10, 12], [50, 48], upwards=upwards, gap=2)
        assert first + 10 <= second


def test_long_lyrics_are_laid_out_in_time_that_grows_with_them():
    looks = []

    class Looked(Line):
        def __getattribute__(self, name):
            looks.append(name)
            return super().__getattribute__(name)

    count = 400
    lines = [Looked(0.2 * k, 0.2 * k + 0.3, "a") for k in range(count)]
    tops = tops_of_lines(lines, [20.0] * count, [400.0] * count, upwards=True, gap=3)
    times_of_lines(lines, tops, [20.0] * count, fade=0.3)
    assert len(looks) < 100 * count


@pytest.mark.parametrize("gap", [0, 0.1, 0.3, 0.5, 3])
def test_a_line_is_gone_before_the_next_appears_and_there_when_it_is_sung(gap):
    lines = [Line(1, 3, "a"), Line(3 + gap, 9, "b")]
    first, second = times_of_lines(lines, [0, 0], [10, 10], fade=0.4)
    assert first[3] <= second[0] + 1e-9 and second[1] == lines[1].start and first[2] <= 3
    assert all(early <= late for times in (first, second) for early, late in pairwise(times))


def test_the_last_word_is_there_while_it_is_sung():
    lines = [Line(1, 3, "a b", ((0, 1), (3, 3))), Line(3, 5, "c")]
    first, second = times_of_lines(lines, [0, 0], [10, 10], fade=0.4)
    assert first[2] > 2.85 and first[3] <= second[0] + 1e-9 and second[1] == 3


def test_lines_shorter_than_a_fade_are_still_seen():
    lines = [Line(k / 5, (k + 1) / 5, str(k)) for k in range(5)]
    for line, times in zip(lines, times_of_lines(lines, [0] * 5, [9] * 5, fade=0.5)):
        assert times[1] == line.start and times[2] >= line.start
    assert drawn(lines, 0.2, style=WordsStyle(fade=0.5)) is not GREY


def test_a_title_fades_in_and_out_at_the_beginning_of_a_part():
    words = Words([], CALM, size=SIZE, title="A song | Someone", begin=30)
    strength = [
        np.abs(words(GREY, 30 + at).astype(int) - GREY).sum() for at in (0, 0.2, 2, TITLE_SECONDS - 0.2, TITLE_SECONDS)
    ]
    assert strength[0] == strength[4] == 0 < strength[1] < strength[2] > strength[3] > 0
    one = drawn([], 2, title="A song")
    assert words(GREY, 32).sum() != one.sum()


def test_letters_are_white_with_a_dark_edge_and_dark_ones_have_a_light_one():
    for colour, letter, edge in (("white", 255, 14), ("#000", 0, 255)):
        out = drawn([Line(0, 9, "HHH")], 1, style=WordsStyle(colour=colour, size=20))
        levels = {int(value) for value in np.unique(out[..., 0])}
        assert letter in levels and any(abs(value - edge) <= 2 for value in levels)


@pytest.mark.parametrize(
    ("text", "style", "said"),
    [
        (
            "漢字",
            WordsStyle(),
            r"lyrics: '漢字' has 漢 \(cjk unified ideograph-6f22\).*Inter-Bold.ttf lacks.*--font FILE",
        ),
        ("x", WordsStyle(font=Path(__file__)), "font .*: expected a TrueType or OpenType font"),
        ("x", WordsStyle(font=Path("none.ttf")), "font none.ttf: no such file"),
    ],
)
def test_what_cannot_be_written_is_one_line(text, style, said):
    with pytest.raises(InputError, match=said):
        check_words([Line(0, 1, text)], style)


def test_a_script_that_needs_shaping_says_so_where_that_is_not_there(monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(InputError, match="title: 'سلام' is written in Hebrew or Arabic.*without raqm.*libfribidi0"):
        check_words([], WordsStyle(font=DEJAVU), title="سلام")
    check_words([], WordsStyle(), title="Ωδή ♪ Свет")


def test_the_font_that_comes_along_has_its_licence_and_the_letters_it_is_for():
    assert "SIL OPEN FONT LICENSE" in (FONT.parent / "OFL.txt").read_text() and FONT.stat().st_size < 400_000
    Typeface().check("ÀÉîőŁß Ωώϊ Жљґ Tiếng Việt — “’…” ♪♫ €", what="test")


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 4), 22050)
    return made_song(path=path)


def pictures(song, out, **options):
    """The frames of a render of one picture that stays, so that what differs are words."""
    calm = av.Schedule(seed=0, denoise=0, noise=0, interp=1, prompts=["x"], clock=song.clock)
    video = av.render(song, calm, out=out, model=fake_model(), progress=False, **options)
    return np.array([frame.astype(int).mean(axis=(1, 2)) for frame in read_frames(video)])


def test_a_render_has_the_words_at_their_times_also_of_a_part(song, unjoined, tmp_path):
    lyrics = tmp_path / "a.lrc"
    lyrics.write_text("[00:01]HEY\n[00:02]\n[00:03]YOU", encoding="utf-8")
    plain = pictures(song, tmp_path / "plain.mp4")
    options = {"lyrics": lyrics, "words_fade": 0, "font_size": 30}
    changes = np.abs(pictures(song, tmp_path / "words.mp4", **options) - plain).max(axis=1) > 12
    assert changes.tolist() == [False] * 12 + [True] * 12 + [False] * 12 + [True] * 12
    part = pictures(song, tmp_path / "part.mp4", start=1.5, duration=2, **options)
    assert (np.abs(part - plain[18:42]).max(axis=1) > 12).tolist() == changes[18:42].tolist()


def test_an_edit_of_a_line_makes_only_the_pictures_that_show_it_anew(song, unjoined, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    lyrics, out = tmp_path / "a.lrc", tmp_path / "a.mp4"
    lyrics.write_text("[00:00.2]hey\n[00:02.4]you\n[00:02.6]", encoding="utf-8")
    pictures(song, out, lyrics=lyrics, keep_work=True)
    chunks = sorted((tmp_path / "a.audioviz").glob("*.h264"))
    before = [chunk.read_bytes() for chunk in chunks]
    lyrics.write_text("[00:00.2]hey\n[00:02.4]me!\n[00:02.6]", encoding="utf-8")
    with pytest.warns(match="pictures from frame 24 on are finished anew: the schedule or the words changed"):
        pictures(song, out, lyrics=lyrics, keep_work=True)
    assert [chunk.read_bytes() == old for chunk, old in zip(chunks, before)] == [True, True, False, True]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lyrics": "none.lrc"}, "lyrics none.lrc: there is no such file; expected one of .lrc"),
        ({"lyrics": "song.wav"}, "^song.wav: is no"),
        ({"font": "song.wav"}, "font song.wav: there are no words to draw"),
        ({"title": "x", "font": "song.wav"}, "font song.wav: expected a TrueType"),
        ({"title": "夜"}, "title: '夜' has 夜 .*--font FILE"),
        ({"title": "x", "words_colour": "sand"}, "words_colour: 'sand', expected a name of a colour"),
        ({"words_colour": "sand"}, "words_colour: 'sand', expected a name of a colour"),
        ({"title": "x", "words_place": "left"}, "words_place: unknown place 'left': use one of bottom, middle, top"),
        ({"title": "x", "font_size": 0}, "font_size: .*expected 1 to 50"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_made(song, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudiovizError, match=said):
        pictures(song, "a.mp4", **options)
    assert not Path("a.audioviz").exists()


def test_a_title_without_words_is_none():
    picture = np.zeros((64, 64, 3), np.uint8)
    for title in ("|", " | ", "\n", ""):
        assert Words((), size=(64, 64), title=title)(picture, 1.0) is picture


def test_lyrics_of_another_song_are_said(song, tmp_path):
    (tmp_path / "a.lrc").write_text("[01:00]late", encoding="utf-8")
    with pytest.warns(AudiovizWarning, match="none of its 1 lines is sung from 0.00 to 4.00 s, the first at 60.00 s"):
        pictures(song, tmp_path / "a.mp4", lyrics=tmp_path / "a.lrc")


def test_a_font_and_a_network_count_by_what_they_hold_also_through_a_link(tmp_path):
    link, file = tmp_path / "link.ttf", tmp_path / "file.ttf"
    link.symlink_to(file)
    file.write_bytes(b"one")
    before = words_identity(Finish(title="a", font=link)), way_identity(link)
    file.write_bytes(b"another")
    after = words_identity(Finish(title="a", font=link)), way_identity(link)
    assert before[0] != after[0] and before[1] != after[1]
