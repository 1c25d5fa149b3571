"""Trials that compare methods, one file each."""
