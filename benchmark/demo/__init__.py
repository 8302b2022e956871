"""The demo: the main job from images to a scored comparison, done for real at a small scale."""
