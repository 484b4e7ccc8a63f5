"""Has an example solved by a running server, request by request, with nothing but httpx.

    python examples/newcomer.py http://127.0.0.1:5000 USER PASSWORD

A user that the server does not know is signed up first. README.md has the same with curl.
"""

# ruff: noqa: T201 - it is made to print

import sys
import time

import httpx

APPLICATION = "solve_model_dag"
UNDER_WAY = (0, -7)  # running, queued


def main(address: str, user: str, password: str) -> None:
    with httpx.Client(base_url=address, timeout=60) as server:
        account = {"username": user, "password": password}
        reply = server.post("/login/", json=account)
        if reply.is_error:
            reply = server.post("/signup/", json={**account, "email": f"{user}@example.org"})
        server.headers["Authorization"] = f"Bearer {document_of(reply)['token']}"

        examples = document_of(server.get(f"/example/{APPLICATION}/"))
        name = examples[0]["name"]
        example = document_of(server.get(f"/example/{APPLICATION}/{name}/"))
        print(f"example: {name}")

        described = {"name": f"my first: {name}", "schema": APPLICATION}
        instance = document_of(
            server.post("/instance/", json={**described, "data": example["instance"]})
        )
        print(f"instance: {instance['id']}")

        config = {"solver": "PULP_CBC_CMD", "timeLimit": 30}
        body = {**described, "instance_id": instance["id"], "config": config}
        execution = f"/execution/{document_of(server.post('/execution/', json=body))['id']}"
        while (status := document_of(server.get(f"{execution}/status/")))["state"] in UNDER_WAY:
            time.sleep(0.5)
        print(f"state: {status['state']} ({status['message']})")

        log = document_of(server.get(f"{execution}/log/"))["log_text"]
        print("log, its end:")
        for line in log.strip().splitlines()[-8:]:
            print(f"  {line}")
        solution = document_of(server.get(f"{execution}/data/"))["data"]
        if not solution:
            sys.exit("no solution: the log says why")
        print("solution:")
        for variable in solution["variables"]:
            print(f"  {variable['name']} = {variable['varValue']}")


def document_of(reply: httpx.Response) -> dict:
    """What a reply says; the end of the program when it says no."""
    if reply.is_error:
        sys.exit(f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}")
    return reply.json()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
