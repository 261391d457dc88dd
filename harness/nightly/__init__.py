"""Many runs at once: what a night is made of, the fleet that runs it, and the night before."""
