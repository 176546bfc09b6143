"""Reports, plots, contact sheets and reactivity figures of songs, schedules and finished videos."""
