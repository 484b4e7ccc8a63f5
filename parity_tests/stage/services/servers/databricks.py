"""A stand-in for Databricks' jobs API: it has state, and it runs nothing.

The id of a job decides how it behaves (FAULTS, STATES); a job of any other id exists and its runs go
from pending to running to success, one state each time they are asked for.
"""

from __future__ import annotations

from typing import Any

from parity_tests.stage.services.servers.standin import HANG_UP, Answer, Call, StandIn, basic

MODES = ("", "unhealthy", "health-500", "health-malformed", "wrong-password", "token-500", "token-malformed", "token-expires", "token-forever")  # fmt: skip

_INFO, _RUN, _STATE = "/api/2.1/jobs/get/", "/api/2.1/jobs/run-now/", "/api/2.1/jobs/runs/get"
_HEALTH = "/api/2.0/workspace/get-status"
_TOKEN = "/oidc/v1/token"

FAULTS: dict[str, tuple[str, Answer]] = {
    "absent": (_INFO, Answer(200, {"error_code": "INVALID_PARAMETER_VALUE"})),
    "info-400": (_INFO, Answer(400, {"error_code": "INVALID_PARAMETER_VALUE"})),
    "info-500": (_INFO, Answer(500, "broken")),
    "info-malformed": (_INFO, Answer(200, "<h1>Sign in</h1>")),
    "info-hang-up": (_INFO, Answer(HANG_UP)),
    "run-400": (_RUN, Answer(400, {"error_code": "QUOTA"})),
    "run-500": (_RUN, Answer(500, "broken ñ")),
    "run-malformed": (_RUN, Answer(200, "ok")),
    "run-nameless": (_RUN, Answer(200, {})),
    "run-hang-up": (_RUN, Answer(HANG_UP)),
    "state-404": (_STATE, Answer(404, {"error_code": "NOT_FOUND"})),
    "state-malformed": (_STATE, Answer(200, "ok")),
    "state-silent": (_STATE, Answer(200, {"status": {}})),
    "state-hang-up": (_STATE, Answer(HANG_UP)),
}

STATES: dict[str, tuple[tuple[str, str], ...]] = {
    "succeeds": (("TERMINATED", "SUCCESS"),),
    "canceled": (("TERMINATING", ""), ("TERMINATED", "USER_CANCELED")),
    "fails": (("RUNNING", ""), ("TERMINATED", "RUN_EXECUTION_ERROR")),
    "unheard": (("WAITING_FOR_RETRY", ""),),
    "blocked": (("BLOCKED", ""), ("QUEUED", "")),
}
_USUAL = (("PENDING", ""), ("RUNNING", ""), ("TERMINATED", "SUCCESS"))


class Databricks(StandIn):
    def __init__(self, mode: str = "") -> None:
        if mode not in MODES:
            raise ValueError(f"no fault `{mode}`; there are {', '.join(MODES[1:])}")
        self.mode = mode
        self.tokens = 0
        self.runs: list[str] = []
        self.asked: dict[int, int] = {}
        super().__init__()

    def effects(self) -> list[Call]:
        """Calls but for health and tokens. Reads in a row have no order: they are told sorted."""
        kept = [call for call in self.calls if call.path not in (_HEALTH, _TOKEN)]
        return sorted(kept, key=lambda call: (call.path, str(call.body)))

    def answer(self, call: Call) -> Answer:
        if call.path == _TOKEN:
            return self._token(call)
        if not self._welcome(call):
            return Answer(401, {"error_code": "UNAUTHENTICATED"})
        if call.path == _HEALTH:
            return self._health(call)
        job = self._job(call)
        where, fault = FAULTS.get(job, ("", Answer()))
        if where == call.path:
            return fault
        if call.path == _INFO and call.method == "GET":
            return Answer(200, {"job_id": job, "settings": {}})
        if call.path == _RUN and call.method == "POST":
            self.runs.append(job)
            return Answer(200, {"run_id": len(self.runs), "number_in_job": len(self.runs)})
        if call.path == _STATE and call.method == "GET":
            return self._state(call, job)
        return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND"})

    def _job(self, call: Call) -> str:
        body: dict[str, Any] = call.body if isinstance(call.body, dict) else {}
        if call.path == _STATE:
            number = int(body.get("run_id", 0))
            return self.runs[number - 1] if 0 < number <= len(self.runs) else ""
        return str(body.get("job_id") or (call.query.get("job_id") or [""])[0])

    def _state(self, call: Call, job: str) -> Answer:
        number = int(call.body["run_id"])
        states = STATES.get(job, _USUAL)
        asked = self.asked.get(number, 0)
        self.asked[number] = asked + (not self.is_held)
        state, code = states[min(asked, len(states) - 1)]
        status: dict[str, Any] = {"state": state}
        if code:
            status["termination_details"] = {"code": code, "type": "SUCCESS"}
        return Answer(200, {"run_id": number, "status": status})

    def _health(self, call: Call) -> Answer:
        faults = {
            "unhealthy": Answer(200, {"error_code": "RESOURCE_DOES_NOT_EXIST"}),
            "health-500": Answer(500, {}),
            "health-malformed": Answer(200, "ok"),
        }
        path = (call.query.get("path") or [""])[0]
        return faults.get(self.mode, Answer(200, {"object_type": "DIRECTORY", "path": path}))

    def _welcome(self, call: Call) -> bool:
        if self.mode == "wrong-password":
            return False
        if self.mode == "token-expires" and self.tokens == 1:
            return False
        number = call.authorization.removeprefix("Bearer token-")
        # as the real one: an older token stays good until it expires
        return number.isdigit() and 0 < int(number) <= self.tokens

    def _token(self, call: Call) -> Answer:
        if self.mode == "token-500":
            return Answer(500, "no tokens today")
        if self.mode == "token-malformed":
            return Answer(200, {"token": "?"})
        asked = "grant_type=client_credentials&scope=all-apis"
        if call.authorization != basic() or call.body != asked or self.mode == "wrong-password":
            return Answer(401, {"error": "invalid_client"})
        self.tokens += 1
        token: dict[str, Any] = {"access_token": f"token-{self.tokens}", "token_type": "Bearer"}
        return Answer(200, token if self.mode == "token-forever" else {**token, "expires_in": 3600})
