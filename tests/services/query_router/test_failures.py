"""Services behind the router that are down, come up late, come back, or break off."""

from __future__ import annotations

import asyncio
import signal
import threading

import httpx
import pytest

from tests.services.conftest import Running, Start, free_address
from tests.services.pgvector.conftest import Database
from tests.services.query_router.conftest import StartRouter

QUESTION = {"question": "Who?", "context": "", "num_tokens": 5}


def upload(router: Running, name: str = "cow.txt", data: bytes = b"The cow is brown.") -> httpx.Response:
    return httpx.post(f"{router.url}/uploadDocument", files={"file": (name, data)}, timeout=60)


def search(router: Running, text: str = "What colour is the cow?") -> httpx.Response:
    return httpx.post(f"{router.url}/documentSearch", json={"content": text}, timeout=60)


def generate(router: Running, **change: object) -> httpx.Response:
    return httpx.post(f"{router.url}/generate", json=QUESTION | change, timeout=60)


def named(response: httpx.Response, dependency: str) -> bool:
    return (
        response.status_code == 503
        and response.json()["dependency"] == dependency
        and dependency in response.json()["message"]
        and "retry-after" in response.headers
    )


def test_nothing_is_up(start_router: StartRouter) -> None:
    nowhere = f"{free_address()}:5999"
    router = start_router(
        APP_VECTORSTORE_URL=nowhere, APP_EMBEDDINGS_SERVERURL=nowhere, APP_LLM_SERVERURL=nowhere
    )
    assert httpx.get(f"{router.url}/health", timeout=60).json() == {"message": "Service is up."}
    health = httpx.get(f"{router.url}/health?dependencies=true", timeout=60)
    assert health.status_code == 503
    assert all(name in health.text for name in ("pgvector", "nemollm-embedding", "nemollm-inference"))
    assert named(upload(router), "pgvector")
    assert named(search(router), "pgvector")
    assert named(httpx.get(f"{router.url}/documents", timeout=60), "pgvector")
    assert named(generate(router, use_knowledge_base=False), "nemollm-inference")
    assert "Traceback" not in router.output()


def test_embedding_service_is_down(start_router: StartRouter) -> None:
    router = start_router(APP_EMBEDDINGS_SERVERURL=f"{free_address()}:5999")
    for response in (upload(router), search(router), generate(router)):
        assert named(response, "nemollm-embedding"), response.text
    assert generate(router, use_knowledge_base=False).status_code == 200


def test_llm_is_down_before_the_stream_starts(start_router: StartRouter) -> None:
    router = start_router(APP_LLM_SERVERURL=f"{free_address()}:5999")
    assert upload(router).status_code == 200
    assert search(router).status_code == 200
    assert named(generate(router), "nemollm-inference")


def test_a_model_that_is_not_served_is_a_fault_of_the_configuration(start_router: StartRouter) -> None:
    router = start_router(APP_LLM_MODELNAME="mistral-7b-instruct", APP_EMBEDDINGS_MODELNAME="other")
    response = generate(router, use_knowledge_base=False)
    assert (response.status_code, response.json()["dependency"]) == (502, "nemollm-inference")
    assert "mistral-7b-instruct" in response.text
    response = search(router)
    assert (response.status_code, response.json()["dependency"]) == (502, "nemollm-embedding")


def test_a_table_for_other_vectors_is_a_fault_of_the_configuration(start_router: StartRouter) -> None:
    router = start_router(APP_EMBEDDINGS_DIMENSIONS="1024", COLLECTION_NAME="wide")
    response = upload(router)
    assert response.status_code == 502
    assert "1024" in response.json()["message"]
    assert "384" in response.json()["message"]


def test_a_wrong_password_is_not_in_the_answer_or_the_log(start_router: StartRouter) -> None:
    router = start_router(POSTGRES_PASSWORD="not-the-password")
    assert named(search(router), "pgvector")
    assert "not-the-password" not in router.output()


def test_database_comes_late_restarts_and_returns_empty(
    new_database, service: Start, start_router: StartRouter
) -> None:
    database: Database = new_database()
    router = start_router(APP_VECTORSTORE_URL=f"{database.host}:5432")
    assert named(search(router), "pgvector")
    database.start()
    assert upload(router).status_code == 200
    assert search(router).json()[0]["content"] == "The cow is brown."
    database.server.stop(signal.SIGKILL)
    assert named(search(router), "pgvector")
    database.start()
    assert search(router).json()[0]["content"] == "The cow is brown."
    with database.connect() as connection:
        connection.execute('DROP TABLE "data_canonical-rag"')
    search(router)
    assert search(router).json() == []
    assert upload(router).status_code == 200


def test_two_routers_may_meet_an_empty_database_at_once(new_database, start_router: StartRouter) -> None:
    database: Database = new_database()
    database.start()
    routers = [start_router(APP_VECTORSTORE_URL=f"{database.host}:5432") for _ in range(2)]
    threads = [threading.Thread(target=upload, args=(router,)) for router in routers for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = httpx.get(f"{routers[0].url}/documents", timeout=60).json()["documents"]
    assert [(row["filename"], row["chunks"]) for row in rows] == [("cow.txt", 1)]


async def broken_llm(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends the beginning of an answer and hangs up."""
    await reader.readuntil(b"\r\n\r\n")
    chunk = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    chunk += '"delta":{"content":"The first grüße "},"finish_reason":null}]}\n\n'.encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head + f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    await writer.drain()
    writer.close()


async def test_an_answer_that_breaks_off_says_so(start_router: StartRouter) -> None:
    host = free_address()
    async with await asyncio.start_server(broken_llm, host, 5998):
        router = await asyncio.to_thread(start_router, APP_LLM_SERVERURL=f"{host}:5998")
        response = await asyncio.to_thread(generate, router, use_knowledge_base=False)
    assert response.status_code == 200
    assert response.text.startswith("The first grüße ")
    assert response.text.rstrip().splitlines()[-1].startswith("[The answer ends here:")


@pytest.mark.parametrize("port", ["tcp://127.96.0.1:8081", "none"])
def test_a_bad_setting_ends_the_start_with_one_line(service: Start, port: str) -> None:
    router = service("raglab.services.query_router", 8081, {"PORT": port})
    assert router.process.wait(60) == 1
    assert "PORT" in router.output()
    assert len(router.output().splitlines()) == 1
