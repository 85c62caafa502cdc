"""Finding out how a target is used, so that a description need not be written by hand."""
