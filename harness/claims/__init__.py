"""The claims of Mauerer, Professional Linux Kernel Architecture, 3.5.8, held against running kernels."""
