"""What the fuzzer draws: drafts of requests, values and their variants."""
