"""The OpenAPI document says what the port does."""

from cornflow_f.census import ported_operations
from tests.port.conftest import Port


async def test_the_document_has_every_operation_and_its_guard(port: Port) -> None:
    document = (await port.call("GET", "/openapi.json", as_=None)).json()
    operations = ported_operations(port.app)
    listed = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert listed == {(o.method, o.path) for o in operations}
    for operation in operations:
        described = document["paths"][operation.path][operation.method.lower()]
        assert ("security" in described) is operation.guarded, operation
        assert "422" not in described["responses"], operation


async def test_the_body_of_a_request_is_described(port: Port) -> None:
    document = port.app.openapi()
    login = document["paths"]["/login/"]["post"]["requestBody"]["content"]["application/json"]
    assert login["schema"] == {"$ref": "#/components/schemas/LoginRequest"}
    assert document["components"]["schemas"]["LoginRequest"]["required"] == ["username", "password"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
