"""Where the project's own sources lie: the module, the agent, the scenarios."""

from pathlib import Path

NAME = "kmap-harness"
ROOT = Path(__file__).resolve().parent.parent
MODULE_SOURCES = ROOT / "kmod"
AGENT_SOURCES = ROOT / "images" / "agent"
CONFIGS = ROOT / "images" / "config"
SCENARIOS = ROOT / "tests" / "scenarios"
