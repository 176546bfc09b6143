"""UNets and transformers behind the denoiser contract of `audioviz.sampling`, with what leads them."""
