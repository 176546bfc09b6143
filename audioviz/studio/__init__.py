"""The studio: one page where a song becomes a film by hand and ear, and the small server behind it."""
