"""Tiny checkpoints with random weights, in the layout of the real ones: one of each family."""

import json
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ChromaPipeline,
    ChromaTransformer2DModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxFillPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    Lumina2Pipeline,
    Lumina2Transformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from tests import chat_models

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
WIDTH = 32  # of the first text encoder; the second of two has twice as much


def tiny_pipeline(folder: Path, *, prediction_type: str = "epsilon") -> StableDiffusionPipeline:
    """A pipeline of 8-fold reduction and 4 channels, of a few thousand weights; `folder` is for its vocabulary."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = _unet(cross_attention_dim=WIDTH)
        vae = _vae(4)
        text_encoder = CLIPTextModel(_clip(WIDTH))
    scheduler = DDIMScheduler(
        **BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type=prediction_type
    )
    return StableDiffusionPipeline(
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=_tokenizer(folder),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def tiny_family(name: str, folder: Path):
    """The pipeline of a family by its short name; `folder` is for its vocabulary."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if name in chat_models.NAMES:
            return chat_models.NAMES[name]()
        return (FAMILIES | MASKED_FAMILIES | {"fill": _fill})[name](folder)


def tiny_ip_adapter(unet: UNet2DConditionModel, folder: Path) -> Path:
    """The file of an IP-Adapter of four tokens for a UNet, with its image encoder beside it."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        width, seen = unet.config.cross_attention_dim, 24
        shapes = {
            "image_proj.proj.weight": (4 * width, seen),
            "image_proj.proj.bias": (4 * width,),
            "image_proj.norm.weight": (width,),
            "image_proj.norm.bias": (width,),
        }
        for number, name in enumerate(name for name in unet.attn_processors if "attn2" in name):
            inner = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
            for part in ("k", "v"):  # the original numbers the odd ones: self-attention has the even
                shapes[f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight"] = (inner, width)
        save_file({name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}, folder / "tiny.safetensors")
        CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=16,
                intermediate_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                image_size=32,
                patch_size=16,
                projection_dim=seen,
            )
        ).save_pretrained(folder / "image_encoder")
    return folder / "tiny.safetensors"


def _sdxl(folder: Path) -> StableDiffusionXLPipeline:
    unet = _unet(
        cross_attention_dim=3 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 2 * WIDTH,
        transformer_layers_per_block=(1, 2),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        use_linear_projection=True,
    )
    return StableDiffusionXLPipeline(
        unet=unet,
        vae=_vae(4, scaling_factor=0.13025),
        text_encoder=CLIPTextModel(_clip(WIDTH)),
        text_encoder_2=CLIPTextModelWithProjection(_clip(2 * WIDTH)),
        tokenizer=_tokenizer(folder),
        tokenizer_2=_tokenizer(folder, pad_token="!"),
        scheduler=EulerDiscreteScheduler(**BETAS, steps_offset=1),
    )


def _lcm(folder: Path) -> LatentConsistencyModelPipeline:
    return LatentConsistencyModelPipeline(
        unet=_unet(cross_attention_dim=WIDTH, time_cond_proj_dim=16),
        vae=_vae(4),
        text_encoder=CLIPTextModel(_clip(WIDTH)),
        tokenizer=_tokenizer(folder),
        scheduler=LCMScheduler(**BETAS),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _turbo(folder: Path) -> StableDiffusionPipeline:
    pipeline = tiny_pipeline(folder)
    pipeline.register_modules(scheduler=EulerDiscreteScheduler(**BETAS, timestep_spacing="trailing"))
    return pipeline


def _inpainting(folder: Path) -> StableDiffusionInpaintPipeline:
    vae = _vae(4)
    vae.quant_conv.bias.data[4:] = -30.0  # pictures have one latent, not a spread of them
    return StableDiffusionInpaintPipeline(
        unet=_unet(in_channels=9, cross_attention_dim=WIDTH),
        vae=vae,
        text_encoder=CLIPTextModel(_clip(WIDTH)),
        tokenizer=_tokenizer(folder),
        scheduler=EulerDiscreteScheduler(**BETAS),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sd3(folder: Path) -> StableDiffusion3Pipeline:
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=4 * WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=3 * WIDTH,
        pos_embed_max_size=96,
    )
    first = CLIPTextModelWithProjection(_clip(WIDTH))
    first.text_projection.weight.data = torch.eye(WIDTH)  # as single files, which leave it out, have it
    return StableDiffusion3Pipeline(
        transformer=transformer,
        vae=_vae(16, scaling_factor=1.5305, shift_factor=0.0609, quant=False),
        text_encoder=first,
        text_encoder_2=CLIPTextModelWithProjection(_clip(2 * WIDTH)),
        text_encoder_3=_t5(4 * WIDTH),
        tokenizer=_tokenizer(folder),
        tokenizer_2=_tokenizer(folder, pad_token="!"),
        tokenizer_3=_t5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _fill(folder: Path) -> FluxFillPipeline:
    parts = _flux(folder).components
    parts["transformer"] = FluxTransformer2DModel.from_config(
        parts["transformer"].config, in_channels=384, out_channels=64
    )
    logvar = parts["vae"].encoder.conv_out  # whose second half says how far the latents of a picture are spread
    logvar.weight.data[16:], logvar.bias.data[16:] = 0.0, -30.0
    return FluxFillPipeline(**{name: part for name, part in parts.items() if part is not None})


def _flux(folder: Path, *, guidance_embeds: bool = True) -> FluxPipeline:
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=4 * WIDTH,
        pooled_projection_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=guidance_embeds,
    )
    scheduler = (
        FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
        if guidance_embeds
        else (FlowMatchEulerDiscreteScheduler(shift=1.0))
    )
    return FluxPipeline(
        transformer=transformer,
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159, quant=False),
        text_encoder=CLIPTextModel(_clip(WIDTH)),
        text_encoder_2=_t5(4 * WIDTH),
        tokenizer=_tokenizer(folder),
        tokenizer_2=_t5_tokenizer(),
        scheduler=scheduler,
    )


def _chroma(folder: Path) -> ChromaPipeline:
    transformer = ChromaTransformer2DModel(
        in_channels=64,
        num_layers=2,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=4 * WIDTH,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=16,
        approximator_hidden_dim=32,
        approximator_layers=2,
    )
    return ChromaPipeline(
        transformer=transformer,
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159, quant=False),
        text_encoder=_t5(4 * WIDTH),
        tokenizer=_t5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _lumina2(folder: Path) -> Lumina2Pipeline:
    transformer = Lumina2Transformer2DModel(
        sample_size=8,
        in_channels=16,
        hidden_size=48,
        num_layers=2,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=16,
        axes_dim_rope=(8, 8, 8),
        cap_feat_dim=WIDTH,
    )
    letters = [*map(chr, range(ord("a"), ord("z") + 1))]
    words = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\u2581", ".", *letters)
    gemma = Gemma2Config(
        vocab_size=len(words),
        hidden_size=WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=8,
    )
    return Lumina2Pipeline(
        transformer=transformer,
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159, quant=False),
        text_encoder=Gemma2Model(gemma).eval(),
        tokenizer=GemmaTokenizer(vocab={word: i for i, word in enumerate(words)}, add_bos_token=True),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=6.0),
    )


def _pixart(folder: Path) -> PixArtSigmaPipeline:
    transformer = PixArtTransformer2DModel(
        sample_size=8,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        cross_attention_dim=32,
        caption_channels=WIDTH,
        interpolation_scale=2,
        use_additional_conditions=False,
    )
    return PixArtSigmaPipeline(
        transformer=transformer,
        vae=_vae(4, scaling_factor=0.13025),
        text_encoder=_t5(WIDTH),
        tokenizer=_t5_tokenizer(),
        scheduler=DPMSolverMultistepScheduler(beta_start=0.0001, beta_end=0.02),
    )


def _unet(**options) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "layers_per_block": 1,
            "block_out_channels": (32, 64),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "attention_head_dim": 4,
        }
        | options
    )


def _vae(channels: int, *, quant: bool = True, **options) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(32,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=channels,
        sample_size=64,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
        **options,
    )


def _clip(width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=300,
        hidden_size=width,
        intermediate_size=37,
        projection_dim=width,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=77,
        bos_token_id=0,
        eos_token_id=1,
    )


def _t5(width: int) -> T5EncoderModel:
    return T5EncoderModel(T5Config(vocab_size=64, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=4)).eval()


def _tokenizer(folder: Path, **options) -> CLIPTokenizer:
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", "!", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77, **options)


def _t5_tokenizer() -> T5Tokenizer:
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    return T5Tokenizer(
        vocab=[(piece, 0.0) for piece in ("<pad>", "</s>", "<unk>", "\u2581", *letters)],
        extra_ids=0,
        model_max_length=512,
    )


FAMILIES = {
    "sd1": tiny_pipeline,
    "sd2": lambda folder: tiny_pipeline(folder, prediction_type="v_prediction"),
    "sdxl": _sdxl,
    "lcm": _lcm,
    "turbo": _turbo,
    "inpainting": _inpainting,
    "sd3": _sd3,
    "flux": _flux,
    "schnell": lambda folder: _flux(folder, guidance_embeds=False),
}
MASKED_FAMILIES = {"chroma": _chroma, "lumina2": _lumina2, "pixart": _pixart}  # whose texts have attention masks
