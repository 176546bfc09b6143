from .denoisers.unet import unet_denoiser as unet_denoiser
from .load import load_model as load_model
from .model import Model as Model
