"""Project: one record that says everything about a video, and its file."""

from audioviz.project.files import load_project, save_project
from audioviz.project.finish import Finish
from audioviz.project.look import Look
from audioviz.project.project import GuideFiles, Project, ScheduleChoice, SongFile

__all__ = ["Finish", "GuideFiles", "Look", "Project", "ScheduleChoice", "SongFile", "load_project", "save_project"]
