"""Journeys: ordered lists of requests as data, read from YAML, with values captured and filled in."""
