"""How the embedded model is made: pictures, captions, networks, measures. `../train_embedded.py` runs it."""
