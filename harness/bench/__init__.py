"""How fast the product is: repeatable measurements, each beside a fixed calibration loop."""
