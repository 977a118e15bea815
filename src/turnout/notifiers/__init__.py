"""How people and GitHub are told: what a message says, how it travels, and that it never does harm."""
