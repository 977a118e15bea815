"""The steps of a deployment: one file, one function, one docstring a step."""
