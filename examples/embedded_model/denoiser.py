"""Noise to latents: diffusers' UNet2DConditionModel on 16x16x16, taught to predict v."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from . import text
from .autoencoder import CHANNELS, load_autoencoder, to_tensor
from .captions import caption
from .pictures import CHUNK, NAMES, Label, chunks, label_at
from .training import Machine, Plan, averaged, fit

PLANS = {
    "cpu": Plan(steps=24000, batch=16, rate=6e-4, warmup=200, average=0.999),
    "cuda": Plan(steps=12000, batch=512, rate=8e-4, warmup=800, average=0.9995),
}
SILENT = 0.1  # share of pictures shown without a caption, so that guidance has something to lead away from
WORDINGS = 4  # captions of each label


def new_unet(*, told: int | None = None) -> UNet2DConditionModel:
    """An untrained UNet: most weights where the picture is small, attention below full size.

    The caption also joins the time embedding, which scales and shifts every block: so it reaches full size too. `told`
    numbers may tell it more.
    """
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        layers_per_block=1,
        block_out_channels=(48, 96, 160),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text.WIDTH,
        attention_head_dim=(2, 3, 5),
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        resnet_time_scale_shift="scale_shift",
        time_cond_proj_dim=told,
    ).to(memory_format=torch.channels_last)


def new_scheduler() -> DPMSolverMultistepScheduler:
    """Stable Diffusion's noise levels, v prediction, sampled in a few even steps that begin at the noisiest."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
    )


@torch.inference_mode()
def encode_pool(folder: Path, machine: Machine) -> None:
    """Encode the pool, on a GPU its mirror image too, to float16 files in latents: (ways, CHUNK, CHANNELS, 16, 16)."""
    (folder / "latents").mkdir(exist_ok=True)
    model = load_autoencoder(folder).to(machine.device)
    for index, chunk in enumerate(chunks(folder / "pictures")):
        path = folder / "latents" / f"latents-{index:03d}.safetensors"
        if not path.exists():
            encoded = []
            for at in range(0, CHUNK, 10):
                real = to_tensor(np.array(chunk[at : at + 10])).to(machine.device)
                ways = (real, real.flip(3)) if machine.device.type == "cuda" else (real,)
                encoded.append(torch.stack([model.encode(way).latents for way in ways]))
            part = path.with_suffix(".part")
            save_file({"latents": torch.cat(encoded, 1).half().cpu().contiguous()}, part)
            part.rename(path)
            print(f"encoded {path.name}", flush=True)


def load_latents(folder: Path) -> tuple[torch.Tensor, float]:
    """Latents scaled to unit deviation, float (ways, n, CHANNELS, 16, 16), and the scaling factor."""
    files = sorted((folder / "latents").glob("latents-*.safetensors"))
    latents = torch.cat([load_file(path)["latents"] for path in files], 1).float()
    scaling = 1 / latents.std().item()
    return latents * scaling, scaling


def label_number(label: Label) -> int:
    """A number of its own for each label."""
    modifiers = ("", *NAMES["modifier"])
    place = NAMES["pattern"].index(label.pattern) * len(NAMES["palette"]) + NAMES["palette"].index(label.palette)
    return place * len(modifiers) + modifiers.index(label.modifier)


@torch.inference_mode()
def wordings(folder: Path, labels: list[Label], machine: Machine) -> tuple[torch.Tensor, torch.Tensor]:
    """Conditioning for WORDINGS captions of each distinct label and, last, for no caption; and each label's first.

    Returns
    -------
    float16, shape (n, LENGTH, WIDTH), and int, shape (len(labels),): the captions of label i are first[i] + 0..WORDINGS
    """
    tokenizer, encoder = text.load_text(folder)
    encoder = encoder.to(machine.device)
    distinct = {label_number(label): label for label in labels}
    texts = [
        caption(label, np.random.default_rng((1, number, wording)))[0]
        for number, label in distinct.items()
        for wording in range(WORDINGS)
    ]
    batches = [
        text.encode(tokenizer, encoder, [*texts, ""][at : at + 256]).half() for at in range(0, len(texts) + 1, 256)
    ]
    place = {number: WORDINGS * index for index, number in enumerate(distinct)}
    return torch.cat(batches), torch.tensor([place[label_number(label)] for label in labels], device=machine.device)


@dataclass(frozen=True)
class Batch:
    """Clean latents, noise, and the first hidden by the second."""

    clean: torch.Tensor
    noise: torch.Tensor
    noisy: torch.Tensor
    signal: torch.Tensor  # share of the clean latents, (B, 1, 1, 1)
    sigma: torch.Tensor  # share of the noise
    timesteps: torch.Tensor  # (B,)
    texts: torch.Tensor  # float (B, LENGTH, WIDTH)


def noisy_batch(
    latents: torch.Tensor,
    captions: torch.Tensor,
    first: torch.Tensor,
    alphas: torch.Tensor,
    count: int,
    chance: torch.Generator,
) -> Batch:
    """`count` latents, chosen, captioned and hidden by chance; see `load_latents` and `wordings`."""
    device = latents.device

    def below(end: int) -> torch.Tensor:
        return torch.randint(end, (count,), generator=chance, device=device)

    chosen = below(latents.shape[1])
    clean = latents[below(len(latents)), chosen]
    silent = torch.rand(count, generator=chance, device=device) < SILENT
    texts = captions[torch.where(silent, len(captions) - 1, first[chosen] + below(WORDINGS))].float()
    # One timestep in each of `count` equal spans: the loss is less noisy than with independent ones.
    span = torch.rand(1, generator=chance, device=device)
    timesteps = ((torch.arange(count, device=device) + span) * 1000 / count).long().clamp_(max=999)
    noise = torch.randn(clean.shape, generator=chance, device=device)
    signal, sigma = alphas[timesteps].sqrt().view(-1, 1, 1, 1), (1 - alphas[timesteps]).sqrt().view(-1, 1, 1, 1)
    noisy = (signal * clean + sigma * noise).to(memory_format=torch.channels_last)
    return Batch(clean, noise, noisy, signal, sigma, timesteps, texts)


def train_unet(folder: Path, machine: Machine) -> None:
    """Train on the encoded pool; the checkpoint is folder/unet.safetensors."""
    plan, device = PLANS[machine.device.type], machine.device
    latents = load_latents(folder)[0].to(device)
    captions, first = wordings(folder, [label_at(index) for index in range(latents.shape[1])], machine)
    alphas = new_scheduler().alphas_cumprod.to(device)
    torch.manual_seed(plan.seed)
    unet = new_unet().to(device)

    def loss_at(step: int, chance: torch.Generator) -> torch.Tensor:
        batch = noisy_batch(latents, captions, first, alphas, plan.batch, chance)
        made = unet(batch.noisy, batch.timesteps, batch.texts).sample.float()
        return F.mse_loss(made, batch.signal * batch.noise - batch.sigma * batch.clean)

    fit(unet, loss_at, plan, folder / "unet.safetensors", machine)


def load_unet(folder: Path) -> UNet2DConditionModel:
    """The trained UNet (averaged weights)."""
    model = new_unet()
    model.load_state_dict(averaged(folder / "unet.safetensors"))
    return model.eval().requires_grad_(False)
