"""What is followed while it happens: event streams and long polls, all fed by one reader of the journal."""
