"""From z and class names to pictures: latent arithmetic, image sets that can be made again, strips, projection."""
