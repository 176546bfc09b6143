"""What is told: of songs, schedules and finished videos, in words, plots, figures and contact sheets."""
