"""Models and LoRAs that were distilled to few steps: told by their names, and how each is to be sampled."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class FewSteps:
    """How a distilled model is to be sampled."""

    steps: int = 4
    cfg: float = 1.0
    sampler: str = "euler"
    denoise: float = 0.5  # of a frame that is made from the one before


LCM = FewSteps(cfg=1.5, sampler="lcm", denoise=0.45)
TURBO = FewSteps(steps=2)


def few_steps_of(name: str, *, lora: bool = False) -> FewSteps | None:
    """How the model or the LoRA of this name is to be sampled; None if the name does not tell of few steps.

    Parameters
    ----------
    name : str
        Of its file, folder or id. A number such as `8steps` in it counts.
    lora : bool
        It is a LoRA's: those may draw lightning, or cars with a turbo, so a plain word wants `8steps` or the name of a
        family beside it.

    Source
    ------
    The pages of LCM-LoRA, SDXL-Turbo, SDXL-Lightning, Hyper-SD, DMD2, TCD, PCM and Flash Diffusion on the hub: steps,
    guidance_scale (0 is cfg 1) and scheduler. DDIM with trailing timesteps, as Hyper-SD and PCM want it, is euler with
    sgm_uniform; so is TCDScheduler with eta 0, which is what diffusers' pipelines give it if nothing is said.
    """
    name, steps = name.lower(), steps_in(name)
    for pattern, plain, found in _KINDS:
        certain = not (lora and plain) or steps or re.match(_OF_FAMILY.format(plain), name)
        if certain and re.search(pattern, name):
            return replace(found, steps=steps or found.steps)
    return None


def steps_in(name: str) -> int | None:
    """The number of steps that a name has in it, such as `8steps`."""
    found = re.search(r"(?<!\d)([1-9]\d?)[-_ ]?steps?(?![a-z])", name.lower())
    return int(found[1]) if found else None


def few_steps_of_loras(files: Sequence[Path]) -> FewSteps | None:
    """How a model with these LoRAs is to be sampled, by the first that was distilled; None if none was.

    A file that is called as all are, `pytorch_lora_weights`, has the name of its folder or repository on the hub.
    """
    for file in files:
        names = [parent.name for parent in file.absolute().parents[:3]] if file.stem in _ALIKE else [file.stem]
        for name in names:
            if found := few_steps_of(name, lora=True):
                return found
    return None


def _word(word: str) -> str:
    return rf"(?<![a-z])(?:{word})(?![a-z])"


_ALIKE = ("pytorch_lora_weights", "adapter_model", "diffusion_pytorch_model", "model")
_OF_FAMILY = r"(?:.*--)?(?:(?:sd|flux)[\w.]*(?:-dev|-large|-medium)?[-_. ]*{0}|{0}[-_. ]*(?:sd|xl|flux))"
_KINDS = (  # a pattern of the name, the word in it that may mean another thing, and what its page says
    (_word("dmd2"), None, FewSteps(sampler="lcm")),
    (_word("tcd"), None, FewSteps(sampler="tcd")),
    (rf"{_word('pcm')}.*lcm", None, FewSteps(sampler="lcm", denoise=0.45)),
    (rf"{_word('pcm')}.*normalcfg", None, FewSteps(cfg=7.5)),
    (_word("pcm"), None, FewSteps()),
    (_word("sd_?xl[-_ ]?flash"), None, FewSteps(steps=7, cfg=3.0, sampler="dpmpp_sde")),
    (_word(r"flash[-_ ]?(?:sd\w*|pixart)"), None, FewSteps(sampler="lcm")),
    (rf"{_word('hyper')}.*sd_?3.*{_word('cfg')}", "hyper", FewSteps(steps=8, cfg=3.0)),
    (rf"{_word('hyper')}.*{_word('cfg')}", "hyper", FewSteps(steps=8, cfg=5.0)),
    (_word("hyper"), "hyper", FewSteps()),
    (_word("lightning"), "lightning", FewSteps()),
    (_word("lcm"), None, LCM),
    (_word("schnell"), None, FewSteps()),
    (rf"flux.*{_word('turbo')}", "turbo", FewSteps(steps=8)),
    (rf"sd_?3.*{_word('turbo')}", "turbo", FewSteps()),
    (_word("turbo"), "turbo", TURBO),
)
