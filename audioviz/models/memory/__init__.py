"""The memory of a GPU: what a render takes, and where the parts of a model lie."""
