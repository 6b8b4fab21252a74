"""The HTTP interface under /api/v1: parse, call the service or a view, render."""
