"""Private servers and process trees on one machine; imports nothing of the product."""
