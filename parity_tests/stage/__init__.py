"""Both stacks up, on databases of their own, with the services that a journey needs."""
