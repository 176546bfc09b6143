"""Colours: their names as numbers, and how bright they look."""

from audioviz.errors import InputError

LUMA = (0.2126, 0.7152, 0.0722)  # of red, green and blue in ITU-R BT.709


def colour_to_rgb(text: str) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of a name, #rrggbb, or another way in which Pillow reads colours.

    Raises
    ------
    InputError
        If it is no colour.

    Examples
    --------
    >>> from audioviz.colours import colour_to_rgb
    >>> colour_to_rgb("gold")
    (255, 215, 0)
    """
    from PIL.ImageColor import getrgb

    try:
        red, green, blue = bytes(getrgb(text)[:3])
    except ValueError as error:
        raise InputError(f"{text!r:.40}, expected a name of a colour, such as gold, or #rrggbb") from error
    return red, green, blue
