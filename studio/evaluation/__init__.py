"""Measures of pictures and concepts."""
