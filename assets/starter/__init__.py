"""The starter base model, its judge, and the recipe that made both."""
