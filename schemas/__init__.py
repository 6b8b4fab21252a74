"""The nouns: everything that crosses a wire or a table, as msgspec structs. Imports nothing of ours."""
