"""Prompts to conditionings: their syntax, their weights, and the text encoders that read them."""
