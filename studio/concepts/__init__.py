"""Concepts on disk: the header of a concept file, and the folder of concept files. Needs no torch."""
