"""The data, training and judging of the model that hears beats, bars and drums."""
