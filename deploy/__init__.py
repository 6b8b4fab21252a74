"""How Liandong is run: containers, and the private servers of a development machine."""
