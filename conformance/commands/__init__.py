"""One module for each command of `pickproof`; each has ``main(options) -> exit code``."""
