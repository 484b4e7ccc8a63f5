"""Cross-origin headers and the choice of compression, against Flask-CORS and Flask-Compress."""

import flask
import pytest
from flask_compress import Compress
from flask_cors import CORS
from hypothesis import example, given
from hypothesis import strategies as st

from cornflow_f.web.compression import choose_algorithm
from cornflow_f.web.cors import CorsPolicy

ORIGINS = ["*", "http://a.b", "HTTP://A.B", "http://a.b,http://c.d", r"http://.*\.b", "https?://x"]
SENT = [None, "http://a.b", "http://A.B", "http://x.b", "https://x", "null", "http://c.d"]


def flask_headers(origins: str, method: str, sent: dict[str, str]) -> list[tuple[str, str]]:
    app = flask.Flask(__name__)
    app.config["CORS_ORIGINS"] = origins
    CORS(app)
    app.add_url_rule("/x/", view_func=lambda: "x", methods=["GET", "POST"])
    reply = app.test_client().open("/x/", method=method, headers=sent)
    wanted = ("access-control", "vary")
    return sorted((n.lower(), v) for n, v in reply.headers if n.lower().startswith(wanted))


@pytest.mark.parametrize("origins", ORIGINS)
@pytest.mark.parametrize("origin", SENT)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("asked", [None, "POST", "post", "TRACE"])
@pytest.mark.parametrize("network", [None, "true", "TRUE", "false"])
def test_same_cross_origin_headers(
    origins: str, origin: str | None, method: str, asked: str | None, network: str | None
) -> None:
    sent = {"Access-Control-Request-Headers": "x-b, authorization"}
    if origin is not None:
        sent["Origin"] = origin
    if asked is not None:
        sent["Access-Control-Request-Method"] = asked
    if network is not None:
        sent["Access-Control-Request-Private-Network"] = network
    names = sent["Access-Control-Request-Headers"]
    got = CorsPolicy(origins).headers(method, origin, asked, names, network)
    decoded = sorted((name.decode(), value.decode()) for name, value in got)
    assert decoded == flask_headers(origins, method, sent)


_CODINGS = st.tuples(
    st.sampled_from(["gzip", "br", "deflate", "identity", "*", "zstd", "GZIP", ""]),
    st.sampled_from(["", ";q=0", ";q=0.5", ";q=1", ";q=x", "; q=0.7"]),
).map("".join)


@given(st.lists(_CODINGS, max_size=4).map(", ".join))
@example("gzip;q=0.5, identity")
@example("gzip, deflate, br")
def test_same_choice_of_compression(accept_encoding: str) -> None:
    app = flask.Flask(__name__)
    app.config["COMPRESS_ALGORITHM"] = ["br", "gzip", "deflate"]
    chosen = Compress(app)._choose_compress_algorithm(accept_encoding)
    assert choose_algorithm(accept_encoding) == chosen
