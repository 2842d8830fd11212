"""A query-router over real services: PostgreSQL, and the two model servers of the lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.services.conftest import Running, Start
from tests.services.pgvector.conftest import PASSWORD, Database, new_database  # noqa: F401 (a fixture)

MODULE = "raglab.services.query_router"
PORT = 8081
StartRouter = Callable[..., Running]


def router_environment(database: str, embedding: str, llm: str) -> dict[str, str]:
    return {
        "APP_VECTORSTORE_URL": database,
        "APP_EMBEDDINGS_SERVERURL": embedding,
        "APP_LLM_SERVERURL": llm,
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_DB": "api",
        "APP_UPLOAD_MAXBYTES": "1000000",
    }


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Database]) -> Database:  # noqa: F811
    made = new_database()
    made.start()
    return made


@pytest.fixture(scope="module")
def start_router(service: Start, database: Database, embedding_nim: Running, llm_nim: Running) -> StartRouter:
    """Starts a router on the module's services; arguments replace variables of its environment."""

    def start(**changes: str) -> Running:
        env = router_environment(f"{database.host}:5432", embedding_nim.address, llm_nim.address)
        running = service(MODULE, PORT, env | changes)
        return running.wait_until(lambda: running.answers("/health"))

    return start


@pytest.fixture(scope="module")
def router(start_router: StartRouter) -> Running:
    running = start_router()
    return running.wait_until(lambda: running.answers("/health?dependencies=true"))


@pytest.fixture(scope="module")
def client(router: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=router.url, timeout=90, trust_env=False) as client:
        yield client


@pytest.fixture
def upload(client: httpx.Client) -> Callable[..., httpx.Response]:
    """Uploads bytes or text under a name."""

    def send(name: str, data: bytes | str, content_type: str = "application/octet-stream") -> httpx.Response:
        body = data.encode() if isinstance(data, str) else data
        return client.post("/uploadDocument", files={"file": (name, body, content_type)})

    return send


@pytest.fixture(scope="session")
def made_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small file of each binary format, with a page break in the PDF."""
    import docx
    from reportlab.pdfgen.canvas import Canvas

    folder = tmp_path_factory.mktemp("documents")
    canvas = Canvas(str(folder / "boats.pdf"))
    canvas.drawString(72, 700, "The ferry to the island leaves at noon.")
    canvas.showPage()
    canvas.drawString(72, 700, "The lighthouse keeper is called Marguerite.")
    canvas.save()
    Canvas(str(folder / "empty.pdf")).save()
    document = docx.Document()
    document.add_heading("Bridges", 1)
    document.add_paragraph("The stone bridge was built by monks.")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Toll", "three coins"
    document.save(str(folder / "bridges.docx"))
    return folder
