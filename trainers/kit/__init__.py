"""What methods share: the one training loop, photos as latents, losses."""
