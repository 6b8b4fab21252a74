"""What goes round and round: alarms ring (tick), notices leave (deliver), files come in (import, replay)."""
