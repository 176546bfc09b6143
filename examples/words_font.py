"""How the font for words in a video was made: Inter Bold, its Latin, Greek and Cyrillic, and Noto's musical notes.

    python -m examples.words_font Inter-roman.var.ttf NotoSansSymbols-Bold.ttf

Both are under the SIL Open Font License 1.1 without reserved names; Debian has them as fonts-inter-variable (3.19) and
fonts-noto-core. It writes audioviz/video/font/Inter-Bold.ttf.
"""

import sys
from pathlib import Path

from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

OUT = Path(__file__).parent.parent / "audioviz" / "video" / "font" / "Inter-Bold.ttf"
LETTERS = (
    *((0x20, 0x7E), (0xA0, 0x24F), (0x259, 0x259), (0x2B0, 0x2DD), (0x300, 0x338), (0x370, 0x3FF), (0x400, 0x52F)),
    *((0x1E00, 0x1EFF), (0x1F00, 0x1FFF)),
)
SIGNS = (
    *((0x2010, 0x2026), (0x2030, 0x203A), (0x2044, 0x2044), (0x20A0, 0x20BF), (0x2116, 0x2116), (0x2122, 0x2122)),
    *((0x2190, 0x2193), (0x2212, 0x2212), (0x2605, 0x2606), (0x2665, 0x2665)),
)
NOTES = "♩♪♫♬♭♮♯"


def main(inter: str, symbols: str) -> None:
    """Instantiate the weight, add the notes, and leave out what is not asked for."""
    font = instantiateVariableFont(TTFont(inter), {"wght": 700})
    add_signs(font, TTFont(symbols), NOTES)
    options = Options(layout_features=["kern", "mark", "mkmk", "ccmp", "locl"], hinting=False, name_IDs=range(15))
    subsetter = Subsetter(options)
    wanted = {code for first, last in (*LETTERS, *SIGNS) for code in range(first, last + 1)}
    subsetter.populate(unicodes=wanted | set(map(ord, NOTES)))
    subsetter.subset(font)
    font.save(OUT)
    print(f"{OUT}: {OUT.stat().st_size} bytes, {len(font.getBestCmap())} characters")


def add_signs(font: TTFont, other: TTFont, signs: str) -> None:
    """Copy the outlines of some characters from another font, so that they are as high as a capital letter."""
    names, glyphs = other.getBestCmap(), other.getGlyphSet()
    tall = other["glyf"][names[ord("♪")]].yMax - other["glyf"][names[ord("♪")]].yMin
    scale = 1.1 * font["OS/2"].sCapHeight / tall
    for sign in signs:
        glyph = other["glyf"][names[ord(sign)]]
        pen, width = TTGlyphPen(None), other["hmtx"][names[ord(sign)]][0]
        glyphs[names[ord(sign)]].draw(TransformPen(pen, (scale, 0, 0, scale, 0, -scale * glyph.yMin)))
        name = f"note{ord(sign):X}"
        font.setGlyphOrder([*font.getGlyphOrder(), name])
        font["glyf"][name] = pen.glyph()
        font["hmtx"][name] = (round(scale * width), round(scale * glyph.xMin))
        for table in font["cmap"].tables:
            table.cmap[ord(sign)] = name


if __name__ == "__main__":
    main(*sys.argv[1:])
