"""Models and LoRAs of few steps are known by their names, and sampled as their pages say."""

import pytest
import torch
from diffusers import TCDScheduler
from safetensors.torch import save_file

from audioviz.models import load_model
from audioviz.models.defaults import Defaults
from audioviz.models.denoisers.unet import betas_to_sigmas, stable_diffusion_betas
from audioviz.models.distilled import few_steps_of
from audioviz.models.files.configs import defaults_of
from audioviz.project import Look
from audioviz.rendering.settings import settings_for
from audioviz.sampling import SAMPLERS
from tests.checkpoints import BETAS


class Toy:
    """A denoiser whose pictures are normal, as samplers are handed one."""

    sigmas = betas_to_sigmas(stable_diffusion_betas())

    def __call__(self, x, sigma):
        return torch.tanh(x) / (1 + sigma * sigma) + 0.3


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_tcd_is_that_of_diffusers(steps):
    scheduler, toy = TCDScheduler(**BETAS), Toy()
    scheduler.set_timesteps(steps)
    levels = toy.sigmas.float()
    sigmas = torch.cat([levels[scheduler.timesteps], levels[:1]])  # the last step of theirs ends at timestep 0
    start = torch.randn((1, 4, 6, 6), generator=torch.Generator().manual_seed(5)) * sigmas[0]
    draws, theirs = torch.Generator().manual_seed(7), start / (1 + sigmas[0] ** 2).sqrt()
    for timestep in scheduler.timesteps:
        sigma = levels[timestep].item()
        x = theirs * (1 + sigma**2) ** 0.5
        theirs = scheduler.step((x - toy(x, sigma)) / sigma, timestep, theirs, eta=0.3, generator=draws).prev_sample
    again = torch.Generator().manual_seed(7)
    ours = SAMPLERS["tcd"].run(toy, start, sigmas, lambda *_: torch.randn(start.shape, generator=again))
    assert torch.allclose(ours / (1 + levels[0] ** 2).sqrt(), theirs, atol=1e-4)
    assert torch.equal(draws.get_state(), again.get_state())


@pytest.mark.parametrize(
    ("name", "steps", "cfg", "sampler"),
    [
        ("dmd2_sdxl_4step_lora_fp16", 4, 1.0, "lcm"),
        ("sdxl_lightning_8step_lora", 8, 1.0, "euler"),
        ("Hyper-SD15-8steps-CFG-lora", 8, 5.0, "euler"),
        ("Hyper-SDXL-2steps-lora", 2, 1.0, "euler"),
        ("Hyper-SD3-8steps-CFG-lora", 8, 3.0, "euler"),
        ("lcm-lora-sdv1-5", 4, 1.5, "lcm"),
        ("TCD-SDXL-LoRA", 4, 1.0, "tcd"),
        ("pcm_sd15_smallcfg_2step_converted", 2, 1.0, "euler"),
        ("pcm_sdxl_normalcfg_8step_converted", 8, 7.5, "euler"),
        ("pcm_sdxl_lcmlike_lora_converted", 4, 1.0, "lcm"),
        ("flash-sdxl", 4, 1.0, "lcm"),
        ("sdxl-flash-lora", 7, 3.0, "dpmpp_sde"),
        ("sd_xl_turbo_lora_v1-64dim", 2, 1.0, "euler"),
        ("FLUX.1-Turbo-Alpha", 8, 1.0, "euler"),
    ],
)
def test_distilled_loras_are_known_by_name(name, steps, cfg, sampler):
    found = few_steps_of(name, lora=True)
    assert (found.steps, found.cfg, found.sampler) == (steps, cfg, sampler)
    assert few_steps_of(name) == found


def test_what_only_sounds_like_it_is_none():
    drawn = ("lightning_bolts", "porsche_turbo", "camera_flash", "hyper_detail", "ink-2000steps", "ink-10steps")
    assert [name for name in (*drawn, "lcmx", "hyperrealism") if few_steps_of(name, lora=True)] == []
    assert few_steps_of("dreamshaper_lightning") and few_steps_of("juggernautXL_hyper")  # of a model it is clear


@pytest.mark.parametrize(
    ("family", "lora", "wanted"),
    [
        ("sd1", "lcm-lora-sdv1-5", Defaults(64, 4, 1.5, "lcm", "sgm_uniform", 0.45)),
        ("sd1", "TCD-SD15-LoRA", Defaults(64, 4, 1.0, "tcd", "sgm_uniform", 0.5)),
        ("sdxl", "dmd2_sdxl_4step_lora", Defaults(64, 4, 1.0, "lcm", "sgm_uniform", 0.5)),
        ("sd3", "Hyper-SD3-8steps-CFG-lora", Defaults(64, 8, 3.0, "euler", "simple", 0.5)),
        ("flux", "Hyper-FLUX.1-dev-8steps-lora", Defaults(1024, 8, 3.5, "euler", "simple", 0.5)),
    ],
)
def test_a_model_is_sampled_as_its_lora_wants_and_the_dry_run_knows(families, tmp_path, family, lora, wanted):
    """The first file may have the name that all have on the hub, and its repository the one that tells."""
    place = tmp_path / f"models--someone--{lora}" / "snapshots" / "0f" / "pytorch_lora_weights.safetensors"
    place.parent.mkdir(parents=True)
    folder, pipeline = families(family)
    core = getattr(pipeline, "unet", None) or pipeline.transformer
    layer = next(name for name, _ in core.named_modules() if name.endswith("to_q"))
    prefix, width = "transformer" if family in ("sd3", "flux") else "unet", core.get_submodule(layer).in_features
    outputs = core.get_submodule(layer).out_features
    weights = {"lora_A": torch.zeros(1, width), "lora_B": torch.zeros(outputs, 1)}
    save_file({f"{prefix}.{layer}.{name}.weight": value for name, value in weights.items()}, place)
    style = tmp_path / "ink.safetensors"
    style.write_bytes(place.read_bytes())
    assert defaults_of(folder, [str(style), f"{place}:0.8"]) == wanted
    assert load_model(folder, loras=[style, f"{place}:0.8"]).defaults == wanted
    assert defaults_of(folder, [str(style)]) == defaults_of(folder) != wanted
    asked = settings_for(Look(model=str(folder), steps=6, cfg=2.0, sampler="euler"), wanted)
    assert (asked.steps, asked.cfg, asked.sampler, asked.scheduler) == (6, 2.0, "euler", wanted.scheduler)
