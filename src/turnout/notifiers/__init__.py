"""Those who are told how a deployment goes: one file each."""
