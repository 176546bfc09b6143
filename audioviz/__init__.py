"""Any song in, a music video out."""
