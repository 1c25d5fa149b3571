"""Commands of `python -m trainers` besides the methods and their comparisons."""
