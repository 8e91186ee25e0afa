"""Pages for people: the front page, and the interactive API page, which needs no internet."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from labctl.ledger.values import Role
from labctl_server.access import TheCaller, needs
from labctl_server.service import TheService

HERE = Path(__file__).parent
router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse, dependencies=[needs(Role.VIEWER)])
def home(service: TheService, caller: TheCaller) -> str:
    """What this is, and how it stands."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("home.html").render(
        benches=service.ledger.jobs.benches(),
        jobs=service.ledger.jobs.recent(limit=10, benches=caller.benches),
        account=service.ledger.bits.account(),
    )


@router.get("/docs", response_class=HTMLResponse)
def docs() -> HTMLResponse:
    """Swagger UI (Apache-2.0, in ``static``), which FastAPI would otherwise fetch from elsewhere."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="labctl API",
        swagger_js_url="/static/swagger-ui-bundle.js",
        swagger_css_url="/static/swagger-ui.css",
        swagger_favicon_url="data:,",
    )


def install(app: FastAPI) -> None:
    """Add the pages and their files."""
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
