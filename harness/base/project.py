"""Where the project's own sources lie: the module, the agent, the scenarios."""

from pathlib import Path

NAME = "kmap-harness"
ROOT = Path(__file__).resolve().parents[2]
MODULE_SOURCES = ROOT / "kmod"
AGENT_SOURCES = ROOT / "images" / "agent"
SCENARIOS = ROOT / "tests" / "scenarios"
MUTANTS = ROOT / "tests" / "mutants"
KERNEL_CATALOGUE = ROOT / "images" / "kernels.toml"
KERNEL_FRAGMENTS = ROOT / "images" / "config"
