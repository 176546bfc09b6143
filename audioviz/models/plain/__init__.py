"""The embedded model in torch alone: no diffusers and transformers, whose imports take longer than its first frame.

These modules are exactly the networks of the embedded model, under the names that its weights have in diffusers'
layout; tests hold them equal to diffusers' and transformers' own to the bit. All else goes through those: other models,
GPUs, half precision, and whatever is added to a model.
"""
