"""What lies on disk as a base model, and which bases this machine has; nothing here loads a weight."""
