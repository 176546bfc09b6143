"""Audio decoding: a sound file becomes blocks of samples; what was heard in it is kept between runs."""
