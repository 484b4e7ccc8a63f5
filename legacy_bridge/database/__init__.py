"""The bridge's own tables beside the application's, and the connections to them."""
