"""The app's log files in `shared/logs`: which they are, how they are rotated, and how they are read along."""
