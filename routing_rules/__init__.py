"""The policy: what a report is about, and who gets it under which clocks."""
