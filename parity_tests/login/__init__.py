"""Logs users in as the application wants it: `[login]` of the configuration, for every part of the comparison.

`flow` is the requests of a log-in and what their replies mean; who sends them (a stage before the
journeys, a journey that compares the replies) is the caller's.
"""
