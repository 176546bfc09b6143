"""A Song becomes a Schedule: curves, seeds, prompts, expressions, file formats, user scripts; no torch."""

from audioviz.schedule import curves, seeds
from audioviz.schedule.files import csv_to_schedule, json_to_schedule, schedule_to_csv, schedule_to_json
from audioviz.schedule.prompts import Prompt
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule

__all__ = ["Prompt", "Schedule", "csv_to_schedule", "curves", "json_to_schedule", "load_schedule", "schedule_to_csv",
           "schedule_to_json", "seeds"]
