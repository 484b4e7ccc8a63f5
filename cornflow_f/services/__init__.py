"""What the application does: functions over a session and plain values, no HTTP."""
