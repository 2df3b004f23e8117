"""PTX for NVIDIA GPUs: kernel text, compilation, loading. Imported only for a GPU target."""
