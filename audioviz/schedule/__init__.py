"""A Song becomes a Schedule: curves, seeds, prompts, expressions, file formats, user scripts; no torch."""

from audioviz.schedule import curves, seeds
from audioviz.schedule.binding import bound
from audioviz.schedule.files import csv_to_schedule, json_to_schedule, schedule_to_csv, schedule_to_json
from audioviz.schedule.formats.deforum import deforum_to_schedule, schedule_to_deforum
from audioviz.schedule.formats.lists import (lines_to_schedule, lists_to_schedule, schedule_to_lines,
                                             schedule_to_lists)
from audioviz.schedule.formats.parseq import parseq_to_schedule, schedule_to_parseq
from audioviz.schedule.prompts import Prompt
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule

__all__ = ["Prompt", "Schedule", "bound", "csv_to_schedule", "curves", "deforum_to_schedule", "json_to_schedule", "lines_to_schedule",
           "lists_to_schedule", "load_schedule", "parseq_to_schedule", "schedule_to_csv", "schedule_to_deforum",
           "schedule_to_json", "schedule_to_lines", "schedule_to_lists", "schedule_to_parseq", "seeds"]
