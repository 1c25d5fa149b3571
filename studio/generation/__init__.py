"""Recipe and concepts in, pictures out."""
