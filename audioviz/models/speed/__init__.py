"""A model made quick for one render: compiled, or with its calls captured as CUDA graphs."""
