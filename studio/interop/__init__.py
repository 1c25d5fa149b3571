"""Files of other programs, read and written without loading a model."""
