"""Concepts out of other programs' files, for the base that is loaded."""
