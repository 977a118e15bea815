"""`turnout report`: what the last deployments took, against their median and the spec's budgets."""
