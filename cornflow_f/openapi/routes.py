"""The addresses of the legacy's description, beside FastAPI's own: `/swagger/` and `/swagger-ui/`.

Open to everybody, as in the legacy, and no operations of the API: they have no view and no permission.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from cornflow_f.openapi.swagger import to_swagger

SWAGGER = "/swagger/"
SWAGGER_UI = "/swagger-ui/"


def routes(app: FastAPI) -> list[Route]:
    translated: dict[str, Any] = {}

    async def swagger(_: Request) -> JSONResponse:
        if not translated:
            translated.update(to_swagger(app.openapi()))
        return JSONResponse(translated)

    async def swagger_ui(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(openapi_url=f"{root}{app.openapi_url}", title=app.title)

    return [
        Route(SWAGGER, swagger, methods=["GET"]),
        Route(SWAGGER_UI, swagger_ui, methods=["GET"]),
    ]
