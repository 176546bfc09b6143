"""Any diffusers model behind one small contract; text to conditioning; the embedded model."""

from audioviz.models.denoiser import unet_denoiser
from audioviz.models.load import load_model
from audioviz.models.model import Model

__all__ = ["Model", "load_model", "unet_denoiser"]
