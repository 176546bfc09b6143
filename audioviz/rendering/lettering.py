"""The words of a project: its lyrics and its title, read, checked, and drawn."""

from dataclasses import replace
from functools import lru_cache

import PIL
from PIL import features

from audioviz.digests import file_digest
from audioviz.errors import InputError
from audioviz.project import Finish
from audioviz.schedule.formats import faults_of
from audioviz.schedule.lyrics import LYRICS, Line, read_lyrics
from audioviz.schedule.text_files import read_text
from audioviz.video.typeset import FONT
from audioviz.video.words import Words, WordsStyle, check_words


def style_of(finish: Finish) -> WordsStyle:
    """How a project's words look."""
    return WordsStyle(
        font=finish.font,
        size=finish.font_size,
        place=finish.words_place,
        colour=finish.words_colour,
        outline=finish.words_outline,
        fade=finish.words_fade,
    )


def lines_of(finish: Finish) -> tuple[Line, ...]:
    """The lines of a project's lyrics, seconds from the beginning of the song; none if it has no lyrics.

    Raises
    ------
    ScheduleError
        If they cannot be read.
    """
    if finish.lyrics is None:
        return ()
    text = read_text(finish.lyrics)
    with faults_of(finish.lyrics):
        return _read(text)


@lru_cache(maxsize=8)
def _read(text: str) -> tuple[Line, ...]:
    """The lines of lyrics; what is to be said of them is said once."""
    return tuple(read_lyrics(text))


def check_lettering(finish: Finish) -> None:
    """Refuse words that cannot be read or drawn.

    Raises
    ------
    InputError, ScheduleError
    """
    if finish.lyrics is not None and not finish.lyrics.is_file():
        raise InputError(f"lyrics {finish.lyrics}: there is no such file; expected one of {', '.join(LYRICS)}")
    if finish.lyrics or finish.title:
        check_words(lines_of(finish), style_of(finish), title=finish.title)
    elif finish.font:
        raise InputError(f"font {finish.font}: there are no words to draw; give them (--lyrics FILE, --title TEXT)")


def words_of(finish: Finish, *, size: tuple[int, int], begin: float, end: float) -> Words | None:
    """What draws the words of a project into pictures of a size; None if it has none.

    Parameters
    ----------
    begin, end : seconds
        The part of the song that is shown: the title stands at its beginning.
    """
    lines = lines_of(finish)
    if not lines and not finish.title:
        return None
    return Words(lines, style_of(finish), size=size, title=finish.title, begin=begin)


def caution_of_words(finish: Finish, *, begin: float, end: float) -> str | None:
    """What is said where no line of a project's lyrics is sung between two times, seconds."""
    lines = lines_of(finish)
    if not lines or any(line.start < end and line.end > begin for line in lines):
        return None
    return (
        f"{finish.lyrics}: none of its {len(lines)} lines is sung from {begin:.2f} to {end:.2f} s, the first at "
        f"{lines[0].start:.2f} s"
    )


def words_identity(finish: Finish) -> dict[str, str]:
    """What all pictures with words depend on, whichever words are shown."""
    style = style_of(finish)
    content = replace(style, font=None), file_digest(style.font or FONT), PIL.__version__, features.version("raqm")
    return {"words": repr(content)}
