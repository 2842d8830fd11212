"""Users of the whole application, through the query-router."""

import random
import uuid

import settings
from chat import refusal
from locust import FastHttpUser, between, task

QUESTIONS = (
    "What does a NIM microservice contain?",
    "How are documents split before they are embedded?",
    "Which metric shows how busy a GPU is?",
    "When does an autoscaler add a replica?",
)
PARAGRAPH = (
    "Load test document {name}. Uploaded files are split into passages, each passage becomes a vector, and the vectors "
    "are kept in PostgreSQL. A search compares the question with all of them and returns the nearest passages.\n\n"
)


class RouterUser(FastHttpUser):
    """What all these users share."""

    abstract = True
    wait_time = between(*settings.WAIT)
    connection_timeout = network_timeout = settings.TIMEOUT
    default_headers = settings.HEADERS


class SearchUser(RouterUser):
    """Looks for passages."""

    weight = 3

    @task
    def search(self) -> None:
        """One search; a list of hits is expected, which may be empty before anything is uploaded."""
        body = {"content": random.choice(QUESTIONS), "num_docs": 4}
        url = f"{settings.ROUTER}/documentSearch"
        with self.client.post(url, json=body, name="documentSearch", catch_response=True) as answer:
            if answer.status_code != 200 or not answer.text.startswith("["):
                answer.failure(f"{answer.status_code}: {(answer.text or str(answer.error))[:200]}")


class QuestionUser(RouterUser):
    """Asks questions about the documents."""

    weight = 2

    @task
    def generate(self) -> None:
        """One question; any text is an answer."""
        body = {"question": random.choice(QUESTIONS), "context": "", "use_knowledge_base": True}
        body["num_tokens"] = settings.MAX_TOKENS
        url = f"{settings.ROUTER}/generate"
        with self.client.post(url, json=body, name="generate", catch_response=True) as answer:
            if answer.status_code != 200 or not answer.text.strip():
                answer.failure(f"{answer.status_code}: {(answer.text or str(answer.error))[:200]}")


class UploadUser(RouterUser):
    """Uploads the same small document again and again, and takes it away in the end."""

    weight = 1

    def on_start(self) -> None:
        """Each user has a file of its own."""
        self.file = f"load-{uuid.uuid4().hex[:8]}.txt"

    @task
    def upload(self) -> None:
        """One upload; it replaces the one before."""
        edge = uuid.uuid4().hex
        head = (
            f'Content-Disposition: form-data; name="file"; filename="{self.file}"\r\nContent-Type: text/plain'
        )
        body = f"--{edge}\r\n{head}\r\n\r\n{PARAGRAPH.format(name=self.file) * 3}\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        url = f"{settings.ROUTER}/uploadDocument"
        with self.client.post(
            url, data=body, headers=headers, name="uploadDocument", catch_response=True
        ) as answer:
            if reason := refusal(answer, "message"):
                answer.failure(reason)

    def on_stop(self) -> None:
        """Leave the knowledge base as it was."""
        self.client.delete(f"{settings.ROUTER}/documents?filename={self.file}", name="clean up")
