"""How people are told: what a message says (message.py), how it travels (channel.py), and that it never does harm."""
