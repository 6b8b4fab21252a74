"""What happens without being asked: alarms ring (tick), notices leave (deliver)."""
