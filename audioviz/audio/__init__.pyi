from .hearing.grid import Grid as Grid
from .load import load_song as load_song
from .midi import Midi as Midi
from .midi import load_midi as load_midi
from .song import Events as Events
from .song import Song as Song
