"""`turnout env`: the app's dotenv on the hosts. Values come through stdin, a hidden prompt or an editor only."""
