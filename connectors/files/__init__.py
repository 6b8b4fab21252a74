"""Files as a source of reports: CSV and JSON lines with a mapping (README.md)."""
