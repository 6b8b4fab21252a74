"""The verbs: it takes reports and commands, decides, remembers and tells."""
