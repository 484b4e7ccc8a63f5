"""Ports for servers that start a little later."""

import socket

from parity_tests.stage.process import free_port


def test_a_port_is_free_is_given_once_and_is_none_that_systems_give_away() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    # Linux gives from 32768, others from 49152
    assert all(1024 < port < 32768 for port in ports)
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[0]))
