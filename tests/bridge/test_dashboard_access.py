"""Who gets in: the token, an admin, nobody else; sessions that other sites' pages can't use."""

import httpx

from tests.bridge import operated
from tests.bridge.conftest import ServeOperated
from tests.bridge.operated import ADMIN, PASSWORD, TOKEN

PAGE = {"x-cutover-page": "1"}


def test_an_admins_token_opens_and_names_who_acts(serve_operated: ServeOperated) -> None:
    url = serve_operated().url
    change = {"operation": "GET /note/", "mode": "shadow", "by": "somebody else"}
    for token, status in (("of-ann", 200), ("of-bob", 401), ("of-nobody", 401), ("-", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.put(f"{url}/_cutover/mode", json=change, headers=headers).status_code == status
    headers = {"Authorization": "Bearer of-ann"}
    history = httpx.get(f"{url}/_cutover/history", headers=headers).json()["history"]
    assert [one["changed_by"] for one in history] == [ADMIN]
    change["by"] = ""
    reply = httpx.put(
        f"{url}/_cutover/mode", json=change, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert (reply.status_code, reply.json()["error"]) == (400, "say who you are: by")


def test_a_session_by_the_applications_own_log_in(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated().url}/_cutover"
    with httpx.Client(headers=PAGE) as client:
        assert client.get(f"{url}/session").json() == {"name": None, "ways": ["token", "user"]}
        assert client.get(f"{url}/overview").status_code == 401
        for user, password, status in (
            (ADMIN, "wrong", 401),
            ("bob", PASSWORD, 403),
            (ADMIN, PASSWORD, 200),
        ):
            reply = client.post(f"{url}/session", json={"user": user, "password": password})
            assert reply.status_code == status, reply.text
        cookie = reply.headers["set-cookie"].lower()
        for word in ("httponly", "samesite=strict", "path=/_cutover;"):
            assert word in cookie
        assert client.get(f"{url}/session").json()["name"] == ADMIN
        assert len(client.get(f"{url}/overview").json()["operations"]) == 6
        change = {"operation": "GET /note/", "mode": "shadow"}
        assert client.put(f"{url}/mode", json=change).status_code == 200
        history = client.get(f"{url}/history").json()["history"]
        assert [one["changed_by"] for one in history] == [ADMIN]
        client.request("DELETE", f"{url}/session")
        assert client.get(f"{url}/overview").status_code == 401


def test_a_session_by_an_admins_own_token(serve_operated: ServeOperated) -> None:
    """For applications whose log-in is elsewhere, as OpenID's is."""
    url = f"{serve_operated().url}/_cutover/session"
    for token, status in (("of-bob", 401), ("of-ann", 200)):
        reply = httpx.post(url, json={"token": token, "name": "somebody else"})
        assert reply.status_code == status
    assert reply.json()["name"] == ADMIN
    assert httpx.post(url, json={"token": TOKEN}).status_code == 400, "and whose name?"


def test_another_sites_page_can_not_use_a_session(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated().url}/_cutover"
    log_in = {"token": TOKEN, "name": "tom"}
    with httpx.Client() as client:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post(f"{url}/session", json=log_in, headers=foreign).status_code == 403
        assert client.post(f"{url}/session", json=log_in).json()["name"] == "tom"
        change = {"operation": "GET /note/", "mode": "shadow"}
        # A form of another page can't set the header; a script of it says where it comes from.
        assert client.put(f"{url}/mode", json=change).status_code == 403
        assert client.put(f"{url}/mode", json=change, headers=PAGE | foreign).status_code == 403
        assert client.put(f"{url}/mode", json=change, headers=PAGE).status_code == 200
        history = client.get(f"{url}/history").json()["history"]
        assert [one["changed_by"] for one in history] == ["tom"]


def test_wrong_tokens_are_slowed_down(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated().url}/_cutover/session"
    wrong = {"token": "wrong", "name": "eve"}
    statuses = [httpx.post(url, json=wrong).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert httpx.post(url, json=wrong | {"token": TOKEN}).status_code == 429


def test_without_token_and_operators_it_is_closed(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated(token=None, operators=None).url}/_cutover"
    assert httpx.get(f"{url}/overview").status_code == 403
    assert httpx.get(f"{url}/session").json() == {"name": None, "ways": []}
    assert httpx.get(f"{url}/").status_code == 200


def test_who_was_an_admin_stays_one_while_nobody_can_look(serve_operated: ServeOperated) -> None:
    class Failing(operated.SmallOperators):
        broken = False

        async def admin(self, token: str) -> str | None:
            if self.broken:
                raise RuntimeError("no database")
            return await super().admin(token)

    operators = Failing()
    url = f"{serve_operated(operators=operators).url}/_cutover/status"
    assert httpx.get(url, headers={"Authorization": "Bearer of-ann"}).status_code == 200
    operators.broken = True
    assert httpx.get(url, headers={"Authorization": "Bearer of-ann"}).status_code == 200
    assert httpx.get(url, headers={"Authorization": "Bearer of-bob"}).status_code == 503


def test_the_pages_files_bring_a_strict_policy(serve_operated: ServeOperated) -> None:
    url = f"{serve_operated().url}/_cutover"
    reply = httpx.get(url)
    assert (reply.status_code, reply.headers["location"]) == (308, "_cutover/")
    page = httpx.get(f"{url}/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert httpx.get(f"{url}/static/main.js").headers["content-type"].startswith("text/javascript")
    for name in ("..%2froutes.py", "routes.py", "page.html", "nothing.js"):
        assert httpx.get(f"{url}/static/{name}").status_code == 404
