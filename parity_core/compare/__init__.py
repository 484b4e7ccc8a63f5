"""What differs in a pair: rules, correspondence, waivers, and the difference itself."""
