"""The pipes: one folder for each foreign system. They know `schemas` and nothing else of ours."""
