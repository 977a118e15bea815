"""How the app's processes are run and asked for: PM2 (later systemd)."""
