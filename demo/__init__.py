"""The main job, end to end: train a network, smooth a photograph, draw a fractal."""
