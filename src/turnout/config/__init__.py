"""turnout.toml and the surroundings, read and checked at the border (DESIGN 7)."""

from turnout.config.load import load
from turnout.config.schema import Config, Environment
from turnout.config.surroundings import OWN_SECRETS, Reach, reach

__all__ = ["OWN_SECRETS", "Config", "Environment", "Reach", "load", "reach"]
