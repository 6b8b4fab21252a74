"""The nouns: everything that crosses a wire or a table, as msgspec structs. Imports nothing of ours.

`gc=False` on what a busy batch makes by the hundred: frozen values form no cycles, so the collector need not look at
them again and again (it took a fifth of the hot path's time).
"""
