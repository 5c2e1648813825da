"""Networks in torch, one file an architecture, all found through `build`."""
