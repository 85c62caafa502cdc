"""The pytest door behind the threshold: loaded only when the arguments of a pytest run name the suite."""
