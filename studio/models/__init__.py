"""Frozen networks. Only this package imports diffusers, transformers, open_clip and timm."""
