"""Photos, their square crops and masks. Needs no torch."""
