"""What a pair is, how it is recorded and what differs in it. Pure: values in, values out, the standard library only."""
