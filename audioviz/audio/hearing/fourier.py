"""scipy's real Fourier transforms, with the types that they have: its own annotations name no array."""

from collections.abc import Callable

import numpy as np
import scipy.fft

# each of (values, length of the transform), along the last axis; float32 stays so
rfft: Callable[..., np.ndarray] = scipy.fft.rfft  # pyright: ignore[reportAssignmentType]
irfft: Callable[..., np.ndarray] = scipy.fft.irfft  # pyright: ignore[reportAssignmentType]
