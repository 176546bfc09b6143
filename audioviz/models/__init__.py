"""Any diffusers model behind one small contract; text to conditioning; the embedded model."""

from audioviz.models.denoiser import unet_denoiser

__all__ = ["unet_denoiser"]
