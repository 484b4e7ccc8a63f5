"""What an operator may do and see over HTTP: the control API, its access, the page."""
