"""How the arithmetic is made fast; plain PyTorch is the fallback."""
