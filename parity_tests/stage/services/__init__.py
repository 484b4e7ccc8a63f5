"""What a journey may ask to be there: mail, directory, identity provider, orchestrator, solver."""
