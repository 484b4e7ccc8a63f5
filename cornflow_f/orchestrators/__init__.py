"""The servers that solve: one small interface, one file each."""
