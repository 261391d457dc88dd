"""Checks the claims of Mauerer, Professional Linux Kernel Architecture, 3.5.8, on kernels."""
