"""What a picture may be called: many wordings of its pattern, palette and mood, among words that mean nothing here."""
import numpy as np

from .pictures import Label

PATTERN_WORDS = {
    "nebula": ("nebula", "galaxy", "cosmic clouds", "space dust", "starry nebula", "deep space", "smoke", "clouds"),
    "marble": ("marble", "marbled stone", "veined marble", "liquid marble", "ink swirls", "agate"),
    "plasma": ("plasma", "lava lamp", "liquid blobs", "melting shapes", "liquid plasma", "blobs"),
    "ripples": ("ripples", "rippling water", "water rings", "drops on water", "ripples on a pond", "sound rings"),
    "waves": ("waves", "rolling waves", "swirling waves", "dunes", "a swell of waves", "surf", "wavy lines"),
    "aurora": ("aurora", "northern lights", "curtains of light", "polar sky", "aurora borealis"),
    "mountains": ("mountains", "mountain range", "misty mountains", "peaks under a sun", "hills", "landscape", "valley"),
    "fractal": ("fractal", "julia set", "mandelbrot", "fractal lace", "infinite fractal", "fractals"),
    "glass": ("stained glass", "stained glass window", "glass mosaic", "church window", "cathedral window", "glass"),
    "crystal": ("crystal", "crystals", "facets", "cut gem", "low poly shards", "shards", "diamond", "polygons"),
    "tiles": ("tiles", "mosaic tiles", "bricks", "blocks", "tiled wall", "cobbles", "squares", "grid"),
    "mandala": ("mandala", "sacred geometry", "kaleidoscope", "rosette", "lotus mandala", "ornament"),
    "spiral": ("spiral", "vortex", "whirlpool", "swirl", "hypnotic spiral", "twister", "spirals"),
    "tunnel": ("tunnel", "corridor", "wormhole", "endless tunnel", "time tunnel", "hallway", "portal"),
    "lights": ("lights", "bokeh", "city lights", "glowing orbs", "blurred lights", "fairy lights", "lanterns"),
    "bubbles": ("bubbles", "spheres", "balls", "floating spheres", "pearls", "planets", "marbles"),
    "flowers": ("flowers", "blossoms", "petals", "bouquet", "garden", "daisies", "bloom", "flower"),
}

PALETTE_WORDS = {
    "fire": ("fire", "fiery", "burning", "flaming", "red hot", "red and orange", "red", "orange", "flame"),
    "ocean": ("ocean", "deep blue", "blue", "sea", "marine", "underwater", "aquatic", "navy"),
    "forest": ("forest", "mossy", "woodland", "olive", "leafy", "green and brown", "jungle", "moss green"),
    "neon": ("neon", "cyberpunk", "electric", "synthwave", "pink and cyan", "vaporwave", "magenta"),
    "sunset": ("sunset", "dusk", "evening", "twilight", "purple and orange", "sunrise", "dawn"),
    "ice": ("ice", "icy", "frozen", "frosty", "arctic", "snowy", "glacial", "pale blue", "winter", "white"),
    "gold": ("gold", "golden", "gilded", "brass", "amber", "yellow", "honey"),
    "violet": ("violet", "purple", "lavender", "amethyst", "indigo", "lilac"),
    "mono": ("mono", "monochrome", "black and white", "grey", "gray", "silver", "greyscale", "noir", "black"),
    "rose": ("rose", "rosy", "pink", "blush", "raspberry", "cherry blossom", "hot pink"),
    "emerald": ("emerald", "jade", "green", "viridian", "malachite", "turquoise green", "emerald green"),
    "candy": ("candy", "pastel", "sweet", "bubblegum", "cotton candy", "sherbet", "sugary"),
    "rainbow": ("rainbow", "multicoloured", "colourful", "all colours", "spectrum", "iridescent", "psychedelic"),
}

MOOD_WORDS = {
    "dark": ("dark", "shadowy", "moody", "midnight", "dim", "gloomy"),
    "bright": ("bright", "glowing", "luminous", "radiant", "shining", "sunlit"),
}

BOTH = ("{palette} {pattern}", "a {palette} {pattern}", "{pattern} in {palette} colours", "{pattern}, {palette}",
        "{palette} coloured {pattern}", "{pattern} of {palette}", "the {palette} {pattern}", "{pattern} in {palette}",
        "{palette}, {pattern}", "{palette} {pattern}", "{pattern} with {palette} light", "{palette} {pattern}")

FILLERS = ("abstract", "beautiful", "highly detailed", "4k", "cinematic", "art", "a painting of", "a dream of",
           "music video", "digital art", "in the style of", "my", "very", "trending", "an old", "soft", "sharp", "and a",
           "with", "moving", "a photograph of", "dancing", "for the song", "illustration", "masterpiece", "strange",
           "huge", "tiny", "loud")


def caption(label: Label, rng: np.random.Generator) -> tuple[str, Label]:
    """One wording of a picture's label, and what of the label it still tells ("" where a part is left out)."""
    told = rng.choice(["both", "pattern", "palette"], p=[0.84, 0.08, 0.08])
    pattern = "" if told == "palette" else str(rng.choice(PATTERN_WORDS[label.pattern]))
    palette = "" if told == "pattern" else str(rng.choice(PALETTE_WORDS[label.palette]))
    text = str(rng.choice(BOTH)).format(pattern=pattern, palette=palette) if told == "both" else pattern + palette
    mood = label.mood if rng.uniform() < 0.8 else ""
    if mood:
        word = rng.choice(MOOD_WORDS[mood])
        text = f"{word} {text}" if rng.uniform() < 0.5 else f"{text}, {word}"
    if rng.uniform() < 0.35:
        text = among_strangers(text, rng)
    return text, Label(label.pattern if pattern else "", label.palette if palette else "", mood)


def among_strangers(text: str, rng: np.random.Generator) -> str:
    """Up to three words without meaning before or after the text: some English, some of random letters."""
    for _ in range(int(rng.integers(1, 4))):
        letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), int(rng.integers(2, 9)))
        word = str(rng.choice(FILLERS)) if rng.uniform() < 0.6 else "".join(letters)
        text = f"{word} {text}" if rng.uniform() < 0.5 else f"{text} {word}"
    return text


def vocabulary() -> list[str]:
    """Every word that a caption may hold on purpose, sorted."""
    tables = (PATTERN_WORDS, PALETTE_WORDS, MOOD_WORDS)
    phrases = [phrase for table in tables for words in table.values() for phrase in words]
    text = " ".join([*phrases, *FILLERS, "a in colours coloured of the with light"])
    return sorted(set(text.replace("4k", "k").split()))
