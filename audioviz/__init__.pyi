from .audio import Grid as Grid
from .audio import load_midi as load_midi
from .audio import load_song as load_song
from .curve import Curve as Curve
from .errors import AudiovizError as AudiovizError
from .models import load_model as load_model
from .project import Project as Project
from .project import load_project as load_project
from .project import save_project as save_project
from .rendering.render import render as render
from .schedule import (
    Prompt as Prompt,
)
from .schedule import (
    Schedule as Schedule,
)
from .schedule import (
    bound as bound,
)
from .schedule import (
    curves as curves,
)
from .schedule import (
    load_schedule as load_schedule,
)
from .schedule import (
    seeds as seeds,
)
