"""Captions of a picture: many wordings of its pattern, palette and modifier, among words that mean nothing here."""

from dataclasses import replace

import numpy as np

from .labels import Label

PATTERN_WORDS = {
    "nebula": (
        "nebula",
        "cosmic clouds",
        "space dust",
        "starry nebula",
        "deep space",
        "gas clouds",
        "interstellar clouds",
    ),
    "stars": ("stars", "starfield", "night sky", "milky way", "starry sky", "constellations", "stardust"),
    "galaxy": ("galaxy", "spiral galaxy", "galaxies", "andromeda", "black hole", "accretion disc", "star disc"),
    "planet": ("planet", "planets", "world", "moon", "saturn", "gas giant", "alien world", "earth"),
    "aurora": ("aurora", "northern lights", "curtains of light", "polar sky", "aurora borealis", "polar lights"),
    "lightning": ("lightning", "thunderstorm", "thunder", "bolts", "storm", "electric storm", "lightning bolts"),
    "clouds": ("clouds", "cloudscape", "sky", "heavens", "cumulus", "cloudy sky", "above the clouds"),
    "mountains": (
        "mountains",
        "mountain range",
        "misty mountains",
        "peaks under a sun",
        "hills",
        "landscape",
        "valley",
        "alps",
    ),
    "waves": ("waves", "rolling waves", "open sea", "surf", "a swell of waves", "seascape", "sea at night", "water"),
    "dunes": ("dunes", "desert", "sand dunes", "sahara", "wasteland", "rolling dunes"),
    "horizon": ("horizon", "retro grid", "synthwave sun", "outrun", "grid horizon", "retrowave", "digital horizon"),
    "city": ("city", "skyline", "city at night", "skyscrapers", "towers", "metropolis", "downtown", "buildings"),
    "forest": ("forest", "trees", "woods", "foggy forest", "pines", "firs", "trunks", "misty woods"),
    "cathedral": ("cathedral", "church", "gothic arches", "nave", "temple", "abbey", "altar", "gothic hall"),
    "tunnel": ("tunnel", "corridor", "wormhole", "endless tunnel", "time tunnel", "hallway", "portal", "hyperspace"),
    "flames": ("flames", "bonfire", "blaze", "campfire", "inferno", "burning flames", "tongues of flame"),
    "ink": ("ink", "ink in water", "smoke", "smoke plumes", "ink clouds", "dye in water", "vapour", "drops of ink"),
    "marble": ("marble", "marbled stone", "veined marble", "liquid marble", "agate", "stone", "geode"),
    "plasma": ("plasma", "lava lamp", "liquid blobs", "melting shapes", "liquid plasma", "blobs", "metaballs", "goo"),
    "silk": ("silk", "flowing lines", "threads", "hair", "strands", "flow field", "currents", "wind", "fibres"),
    "caustics": (
        "caustics",
        "pool",
        "underwater light",
        "light through water",
        "water light",
        "pool light",
        "swimming pool",
    ),
    "ripples": (
        "ripples",
        "rippling water",
        "water rings",
        "drops on water",
        "ripples on a pond",
        "sound rings",
        "raindrops",
    ),
    "coral": (
        "coral",
        "labyrinth",
        "maze",
        "reaction diffusion",
        "brain coral",
        "fingerprint",
        "zebra",
        "turing pattern",
    ),
    "moire": ("moire", "op art", "interference", "optical illusion", "gratings", "stripes", "lines"),
    "spiral": ("spiral", "vortex", "whirlpool", "swirl", "hypnotic spiral", "twister", "spirals", "hypnosis"),
    "fractal": ("fractal", "julia set", "mandelbrot", "fractal lace", "infinite fractal", "fractals"),
    "ether": (
        "ether",
        "fractal flame",
        "veils of light",
        "energy",
        "spirit",
        "ghost",
        "aura",
        "light painting",
        "soul",
    ),
    "leaves": ("leaves", "foliage", "fern", "ferns", "leaf", "plants", "autumn leaves", "vines"),
    "feathers": ("feathers", "peacock feathers", "plumage", "wings", "feather", "peacock", "scales"),
    "flowers": ("flowers", "blossoms", "petals", "bouquet", "garden", "daisies", "bloom", "flower", "dahlias"),
    "bubbles": ("bubbles", "spheres", "balls", "floating spheres", "pearls", "orbs", "soap bubbles"),
    "mandala": ("mandala", "sacred geometry", "rosette", "lotus mandala", "ornament", "lotus", "mandalas"),
    "kaleidoscope": ("kaleidoscope", "mirror shards", "kaleidoscopic pattern", "mirrors", "folded mirrors"),
    "glass": ("stained glass", "glass", "stained glass window", "glass mosaic", "church window", "cathedral window"),
    "crystal": (
        "crystal",
        "crystals",
        "quartz",
        "gem",
        "gems",
        "diamond",
        "prisms",
        "crystal cave",
        "facets",
        "minerals",
    ),
    "tiles": ("tiles", "mosaic tiles", "bricks", "blocks", "tiled wall", "cobbles", "squares", "hexagons", "honeycomb"),
    "lattice": (
        "lattice",
        "wireframe",
        "grid of light",
        "lasers",
        "neural network",
        "scaffold",
        "web",
        "matrix",
    ),
    "lights": ("lights", "bokeh", "glowing orbs", "blurred lights", "fairy lights", "lanterns", "street lamps"),
    "eclipse": ("eclipse", "solar eclipse", "corona", "black sun", "ring of fire", "dark sun", "total eclipse"),
    "fireworks": ("fireworks", "firework", "rockets", "exploding fireworks", "explosion", "sparks", "new year"),
    "flight": ("flight", "flight through a city", "street at night", "night drive", "boulevard", "street", "alley"),
    "chrome": ("chrome", "liquid metal", "mercury", "quicksilver", "liquid chrome", "molten metal", "polished metal"),
    "particles": ("particles", "swarm", "particle swarm", "glowing dust", "point cloud", "fireflies", "dust in light"),
    "ribbons": ("ribbons", "ribbon", "bands of light", "streamers", "twisting ribbons", "satin", "folded bands"),
    "iris": ("iris", "eye", "human eye", "eyeball", "pupil", "gaze", "an eye"),
    "rain": (
        "rain",
        "rain on glass",
        "rainy window",
        "wet window",
        "drops on a window",
        "rain on a window",
        "wet glass",
    ),
    "circuit": ("circuit", "circuit board", "microchip", "motherboard", "chip", "electronics", "computer chip"),
    "waveform": (
        "waveform",
        "sound waves",
        "soundwave",
        "equaliser",
        "equalizer",
        "audio spectrum",
        "oscilloscope",
        "music",
        "sound",
    ),
}

PALETTE_WORDS = {
    "fire": (
        "fire",
        "fiery",
        "burning",
        "flaming",
        "red hot",
        "red and orange",
        "orange",
        "lava",
        "molten",
        "volcanic",
        "tangerine",
        "pumpkin",
        "ember",
    ),
    "ocean": (
        "ocean",
        "deep blue",
        "blue",
        "sea",
        "marine",
        "underwater",
        "aquatic",
        "navy",
        "sapphire",
        "azure",
        "cobalt",
    ),
    "moss": (
        "moss",
        "mossy",
        "woodland",
        "olive",
        "leafy",
        "green and brown",
        "jungle",
        "moss green",
        "forest green",
        "khaki",
    ),
    "neon": ("neon", "cyberpunk", "electric", "vaporwave", "magenta", "pink and cyan", "synthwave", "fluorescent"),
    "sunset": ("sunset", "dusk", "evening", "twilight", "purple and orange", "sunrise", "dawn"),
    "ice": (
        "ice",
        "icy",
        "frozen",
        "frosty",
        "arctic",
        "snowy",
        "glacial",
        "pale blue",
        "winter",
        "white",
        "snow white",
        "pearl",
    ),
    "gold": ("gold", "golden", "gilded", "brass", "amber", "yellow", "honey", "lemon", "mustard", "banana"),
    "violet": ("violet", "purple", "lavender", "amethyst", "indigo", "lilac", "plum", "grape", "mauve"),
    "mono": (
        "mono",
        "monochrome",
        "black and white",
        "grey",
        "gray",
        "silver",
        "greyscale",
        "noir",
        "black",
        "charcoal",
        "ash",
        "graphite",
        "platinum",
    ),
    "rose": (
        "rose",
        "rosy",
        "pink",
        "blush",
        "raspberry",
        "cherry blossom",
        "hot pink",
        "salmon",
        "fuchsia",
        "flamingo",
    ),
    "emerald": ("emerald", "jade", "green", "viridian", "malachite", "emerald green", "grass green", "mint"),
    "candy": ("candy", "pastel", "sweet", "bubblegum", "cotton candy", "sherbet", "sugary", "unicorn", "peach"),
    "rainbow": (
        "rainbow",
        "multicoloured",
        "colourful",
        "all colours",
        "spectrum",
        "iridescent",
        "psychedelic",
        "colorful",
    ),
    "crimson": (
        "crimson",
        "blood",
        "blood red",
        "red",
        "scarlet",
        "ruby",
        "dark red",
        "vampire",
        "cherry",
        "wine",
        "maroon",
        "cherry red",
    ),
    "acid": ("acid", "toxic", "lime", "lime green", "radioactive", "poison", "slime", "acid green"),
    "sand": (
        "sand",
        "sandy",
        "beige",
        "sepia",
        "brown",
        "desert sand",
        "cream",
        "earthy",
        "dusty",
        "chocolate",
        "coffee",
        "caramel",
        "ivory",
    ),
    "copper": ("copper", "teal and orange", "rusty", "bronze", "patina", "rust", "autumn"),
    "midnight": ("midnight", "moonlit", "moonlight", "dark blue", "nocturnal", "steel blue", "nightfall"),
    "lagoon": ("lagoon", "turquoise", "teal", "tropical", "aqua", "cyan", "caribbean"),
    "cosmic": ("cosmic", "galactic", "space", "astral", "celestial", "stellar", "universe"),
}

# Words that name a kind of picture, and a colour where they stand before another kind.
AS_COLOURS = {
    "fire": ("flame", "lava"),
    "ocean": ("water", "wave", "sky"),
    "moss": ("forest", "fern"),
    "ice": ("crystal", "diamond", "snow"),
    "midnight": ("moon", "night"),
    "cosmic": ("galaxy", "nebula"),
    "sand": ("desert", "dune"),
    "rose": ("flower", "blossom", "petal"),
    "mono": ("stone", "smoke", "chrome", "metal"),
    "emerald": ("leaf", "grass"),
    "copper": ("autumn",),
    "lagoon": ("pool", "reef"),
    "rainbow": ("prism",),
    "crimson": ("blood", "hell"),
}

MODIFIER_WORDS = {
    "soft": ("soft", "blurred", "gentle", "dreamy", "out of focus", "hazy", "smooth"),
    "sharp": ("sharp", "crisp", "detailed", "fine", "etched", "in sharp focus"),
    "dark": ("dark", "shadowy", "moody", "dim", "gloomy", "in the dark", "deep shadows"),
    "bright": ("bright", "luminous", "sunlit", "light", "in daylight", "brilliant", "pale"),
    "dense": ("dense", "crowded", "busy", "intricate", "complex", "full of detail", "many"),
    "sparse": ("sparse", "minimal", "simple", "few", "minimalist", "empty", "lonely"),
    "glowing": ("glowing", "shining", "radiant", "glow", "incandescent", "luminescent", "ablaze with light"),
    "symmetrical": ("symmetrical", "symmetric", "mirrored", "reflected", "in symmetry", "mirror image"),
    "close": ("close", "close up", "macro", "closeup", "near", "magnified", "zoomed in"),
    "far": ("far", "distant", "far away", "from afar", "wide view", "wide", "in the distance", "panorama"),
}

# Words that stand for a kind of picture in its usual colours: patterns, palettes.
THEMES = {
    "lava": (("plasma", "flames", "marble"), ("fire", "crimson")),
    "volcano": (("mountains", "flames", "plasma"), ("fire", "crimson")),
    "hell": (("flames", "cathedral", "lightning"), ("crimson", "fire")),
    "heaven": (("clouds", "cathedral", "aurora"), ("gold", "candy", "ice")),
    "underwater": (("caustics", "bubbles", "coral"), ("ocean", "lagoon")),
    "reef": (("coral", "caustics", "bubbles"), ("lagoon", "ocean", "rainbow")),
    "beach": (("waves", "dunes", "caustics"), ("lagoon", "sand")),
    "cyberpunk": (("city", "horizon", "flight", "circuit"), ("neon", "copper")),
    "city lights at night": (("city", "lights"), ("gold", "midnight", "neon")),
    "outer space": (("nebula", "stars", "galaxy", "planet"), ("cosmic", "midnight", "violet")),
    "cosmos": (("nebula", "stars", "galaxy", "planet"), ("cosmic", "midnight", "violet")),
    "dream": (("clouds", "ink", "aurora", "bubbles"), ("candy", "violet", "rose")),
    "spring": (("flowers", "leaves"), ("rose", "acid", "candy")),
    "summer": (("waves", "flowers", "caustics"), ("lagoon", "gold")),
    "fall": (("leaves", "forest"), ("copper", "fire", "gold")),
    "snow": (("mountains", "forest", "crystal"), ("ice",)),
    "rave": (("fireworks", "ribbons", "waveform"), ("neon", "rainbow", "acid")),
    "night": (("stars", "city", "mountains", "aurora"), ("midnight", "violet")),
    "techno": (("lattice", "tunnel", "circuit", "waveform"), ("neon", "acid", "mono")),
    "ambient": (("aurora", "ink", "particles", "silk"), ("lagoon", "violet", "ice")),
    "trance": (("tunnel", "spiral", "kaleidoscope"), ("neon", "rainbow", "cosmic")),
    "party": (("fireworks", "lights", "ribbons"), ("rainbow", "candy", "neon")),
    "jazz": (("ink", "lights", "silk"), ("gold", "midnight", "copper")),
    "classical": (("cathedral", "marble", "silk"), ("gold", "sand", "ice")),
}

NAMED_BY = {  # the kinds of picture that a word of AS_COLOURS may mean itself
    word: [name for name, words in PATTERN_WORDS.items() if any(word in phrase for phrase in words)]
    for words in AS_COLOURS.values()
    for word in words
}

BOTH = (
    "{palette} {pattern}",
    "a {palette} {pattern}",
    "{pattern} in {palette} colours",
    "{pattern}, {palette}",
    "{palette} coloured {pattern}",
    "{pattern} of {palette}",
    "the {palette} {pattern}",
    "{pattern} in {palette}",
    "{palette}, {pattern}",
    "{palette} {pattern}",
    "{pattern} with {palette} light",
    "{palette} {pattern}",
    "{pattern} made of {palette}",
    "some {palette} {pattern} at night",
    "{palette} {pattern} and {palette} tones",
)

FILLERS = (
    "abstract",
    "beautiful",
    "highly",
    "4k",
    "cinematic",
    "art",
    "a painting of",
    "music video",
    "digital art",
    "in the style of",
    "my",
    "very",
    "trending",
    "an old",
    "and a",
    "with",
    "moving",
    "a photograph of",
    "dancing",
    "for the song",
    "illustration",
    "masterpiece",
    "strange",
    "huge",
    "tiny",
    "loud",
    "8k",
    "picture",
    "image of",
    "background",
    "wallpaper",
    "texture",
    "surreal",
    "epic",
    "over the",
    "through",
    "under",
    "this is",
    "from",
    "render",
    "photo",
    "quality",
    "best",
    "magic",
    "mystical",
    "fantasy",
    "flowing",
    "floating",
    "slow",
    "fast",
)


def caption(label: Label, rng: np.random.Generator) -> tuple[str, Label]:
    """One wording of a picture's label, and what of the label it still tells ("" where a part is left out)."""
    themes = [
        word for word, (patterns, palettes) in THEMES.items() if label.pattern in patterns and label.palette in palettes
    ]
    told = str(rng.choice(["both", "pattern", "palette", "theme"], p=[0.78, 0.08, 0.06, 0.08]))
    if told == "theme" and themes:
        text, seen = str(rng.choice(themes)), Label("", "")
    else:
        pattern = "" if told == "palette" else str(rng.choice(PATTERN_WORDS[label.pattern]))
        palette = "" if told == "pattern" else str(rng.choice(PALETTE_WORDS[label.palette]))
        colours = [word for word in AS_COLOURS.get(label.palette, ()) if label.pattern not in NAMED_BY.get(word, ())]
        if pattern and colours and rng.uniform() < 0.15:
            palette = str(rng.choice(colours))
            text = f"{palette} {pattern}" if rng.uniform() < 0.7 else f"{palette} coloured {pattern}"
        elif pattern and palette:
            text = str(rng.choice(BOTH)).format(pattern=pattern, palette=palette)
        else:
            text = pattern + palette
        seen = Label(label.pattern if pattern else "", label.palette if palette else "")
    modifiers = {name: word for name in ("view", "look") if (word := getattr(label, name)) and rng.uniform() < 0.85}
    for modifier in modifiers.values():
        word = rng.choice(MODIFIER_WORDS[modifier])
        text = f"{word} {text}" if rng.uniform() < 0.6 else f"{text}, {word}"
    if rng.uniform() < 0.35:
        text = among_strangers(text, rng)
    return text, replace(seen, **modifiers)


def among_strangers(text: str, rng: np.random.Generator) -> str:
    """Up to three words without meaning before or after the text: some English, some of random letters."""
    for _ in range(int(rng.integers(1, 4))):
        letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), int(rng.integers(2, 9)))
        word = str(rng.choice(FILLERS)) if rng.uniform() < 0.6 else "".join(letters)
        text = f"{word} {text}" if rng.uniform() < 0.5 else f"{text} {word}"
    return text


def vocabulary() -> list[str]:
    """Every word that a caption may hold on purpose, sorted."""
    tables = (PATTERN_WORDS, PALETTE_WORDS, MODIFIER_WORDS, AS_COLOURS)
    phrases = [phrase for table in tables for words in table.values() for phrase in words]
    text = " ".join([*phrases, *THEMES, *FILLERS, "a in colours coloured of the with light made some at and tones"])
    return sorted({word for word in text.split() if word.isalpha()} | {"k"})
