"""HTTP: routing and protocol as the legacy has them, guards, forms, replies, what every view depends on."""
