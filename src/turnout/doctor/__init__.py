"""What `turnout doctor` finds: this machine, the app as a deployment would see it, and every host. Changes nothing."""

from turnout.doctor.examine import Asked, examine
from turnout.doctor.finding import Finding, exit_code

__all__ = ["Asked", "Finding", "examine", "exit_code"]
