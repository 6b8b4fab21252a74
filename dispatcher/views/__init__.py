"""What people read: one module per question. SQL only, never writing; answers are structs of `schemas.views`."""
