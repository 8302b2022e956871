"""Reading published StyleGAN2-ADA files without running anything in them."""
