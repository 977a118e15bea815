"""The journals of all hosts told together, and what the last deployments took against their median and the budgets."""
