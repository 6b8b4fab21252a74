"""What may happen to one incident: pure verdicts, no clock, no I/O."""
