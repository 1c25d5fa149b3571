"""Train the starter: drawings, scenes, autoencoder, diffusion model, judge, evaluation."""
