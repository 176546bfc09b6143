"""What users add to a model, worked in or beside it: LoRA, textual inversion, ControlNet, IP-Adapter, depth."""
