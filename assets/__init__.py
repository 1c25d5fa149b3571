"""What the studio ships beside its code: the starter base model and the demo photos."""
