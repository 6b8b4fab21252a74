"""Programs of others, as they could be: no import of ours, free to copy."""
