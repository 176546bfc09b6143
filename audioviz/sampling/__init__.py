"""Diffusion sampling: sigmas, samplers, one frame, the scheduled sequence, latent operations, noise."""

from audioviz.sampling.anchor import Anchor, anchor_of
from audioviz.sampling.conditioning import Conditioning, Control, Guidance, lerp, slerp
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import sample_frame
from audioviz.sampling.ksampler import ksampler
from audioviz.sampling.plan import FramePlan, plan_frame
from audioviz.sampling.progress import progress
from audioviz.sampling.salt import salt_sequence
from audioviz.sampling.samplers import SAMPLERS
from audioviz.sampling.sequence import sequence
from audioviz.sampling.sigmas import SCHEDULERS, sigmas_for
from audioviz.sampling.variations import stochastic_variations
from audioviz.sampling.was import was_sequence

__all__ = [
    "SAMPLERS",
    "SCHEDULERS",
    "Anchor",
    "Conditioning",
    "Control",
    "Denoiser",
    "FramePlan",
    "Guidance",
    "anchor_of",
    "ksampler",
    "lerp",
    "plan_frame",
    "progress",
    "salt_sequence",
    "sample_frame",
    "sequence",
    "sigmas_for",
    "slerp",
    "stochastic_variations",
    "was_sequence",
]
