"""The command line: one file a command. Only here is anything printed; heavy imports wait until they are needed."""
