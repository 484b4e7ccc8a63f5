"""`cutover rehearse`: the whole cutover under load, on scratch data, with bugs planted and a worker killed."""
