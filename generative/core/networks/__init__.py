"""StyleGAN2 itself: building blocks, both networks, their shape, and weights as files in which nothing can run."""
