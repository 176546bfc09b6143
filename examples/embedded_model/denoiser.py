"""Noise to latents: diffusers' UNet2DConditionModel on 16x16x8, taught to predict v."""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from . import text
from .autoencoder import load_autoencoder, to_tensor
from .captions import caption
from .pictures import CHUNK, chunks, label_at
from .training import Plan, averaged, fit

PLAN = Plan(steps=7400, batch=12, rate=6e-4, warmup=200, average=0.999)
ENCODED = 6000  # pictures that the UNet learns from
SILENT = 0.1  # share of pictures shown without a caption, so that guidance has something to lead away from


def new_unet() -> UNet2DConditionModel:
    """An untrained UNet: most weights where the picture is small, attention below full size.

    The caption also joins the time embedding, which scales and shifts every block: so it reaches full size too.
    """
    return UNet2DConditionModel(
        sample_size=16, in_channels=8, out_channels=8, layers_per_block=1, block_out_channels=(48, 96, 160),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text.WIDTH, attention_head_dim=(2, 3, 5), norm_num_groups=16,
        addition_embed_type="text", addition_embed_type_num_heads=4, resnet_time_scale_shift="scale_shift",
    ).to(memory_format=torch.channels_last)


def new_scheduler() -> DPMSolverMultistepScheduler:
    """Stable Diffusion's noise levels, v prediction, sampled well in about ten steps."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        prediction_type="v_prediction", use_karras_sigmas=True, steps_offset=1,
    )


@torch.inference_mode()
def encode_pool(folder: Path) -> None:
    """Encode the first ENCODED pictures; folder/latents holds float16 (CHUNK, 8, 16, 16) files."""
    (folder / "latents").mkdir(exist_ok=True)
    model = load_autoencoder(folder)
    for index, chunk in zip(range(ENCODED // CHUNK), chunks(folder / "pictures")):
        path = folder / "latents" / f"latents-{index:03d}.safetensors"
        if not path.exists():
            latents = [model.encode(to_tensor(chunk[at : at + 1])).latents for at in range(len(chunk))]
            part = path.with_suffix(".part")
            save_file({"latents": torch.cat(latents).half().contiguous()}, part)
            part.rename(path)
            print(f"encoded chunk {index + 1}", flush=True)


def load_latents(folder: Path) -> tuple[torch.Tensor, float]:
    """Latents scaled to unit deviation, float (n, 8, 16, 16), and the scaling factor."""
    files = sorted((folder / "latents").glob("latents-*.safetensors"))
    latents = torch.cat([load_file(path)["latents"] for path in files]).float()
    scaling = 1 / latents.std().item()
    return latents * scaling, scaling


def train_unet(folder: Path, *, plan: Plan = PLAN) -> None:
    """Train on the encoded pool; the checkpoint is folder/unet.safetensors."""
    latents, _ = load_latents(folder)
    tokenizer, encoder = text.load_text(folder)
    alphas = new_scheduler().alphas_cumprod
    torch.manual_seed(plan.seed)
    unet = new_unet()

    def loss_at(step: int, rng: np.random.Generator) -> torch.Tensor:
        chosen = rng.integers(0, len(latents), plan.batch)
        clean = latents[chosen]
        words = [caption(label_at(int(index)), rng)[0] if rng.uniform() > SILENT else "" for index in chosen]
        with torch.no_grad():
            conditioning = text.encode(tokenizer, encoder, words)
        # One timestep in each of `batch` equal spans: the loss is less noisy than with independent ones.
        timesteps = torch.from_numpy(((np.arange(plan.batch) + rng.uniform()) * 1000 / plan.batch).astype(np.int64))
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        signal, sigma = alphas[timesteps].sqrt().view(-1, 1, 1, 1), (1 - alphas[timesteps]).sqrt().view(-1, 1, 1, 1)
        noisy = (signal * clean + sigma * noise).to(memory_format=torch.channels_last)
        return F.mse_loss(unet(noisy, timesteps, conditioning).sample, signal * noise - sigma * clean)

    fit(unet, loss_at, plan, folder / "unet.safetensors")


def load_unet(folder: Path) -> UNet2DConditionModel:
    """The trained UNet (averaged weights)."""
    model = new_unet()
    model.load_state_dict(averaged(folder / "unet.safetensors"))
    return model.eval().requires_grad_(False)
