"""Users of the language model, through its OpenAI API."""

import json

import settings
from locust import FastHttpUser, between, task
from locust.contrib.fasthttp import ResponseContextManager

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
MESSAGES = [
    {"role": "system", "content": "You are a friendly travel adviser. Answer politely and in plain words."},
    {"role": "user", "content": "Which city is the capital of France?"},
]


class ChatUser(FastHttpUser):
    """Asks one question, reads the answer, thinks for a while, asks again.

    What does not carry an answer counts as failed, with the reason. A user whose model is no longer served (404) fails
    once, and asks which one is before the next question, unless LOAD_MODEL fixes the name.
    """

    wait_time = between(*settings.WAIT)
    connection_timeout = network_timeout = settings.TIMEOUT
    default_headers = settings.HEADERS
    weight = 5
    model = settings.MODEL

    @task
    def chat(self) -> None:
        """One question."""
        self.model = self.model or self._offered()
        if not self.model:
            return
        body = {
            "model": self.model,
            "messages": MESSAGES,
            "max_tokens": settings.MAX_TOKENS,
            "temperature": 1,
            "stream": False,
        }
        with self.client.post(CHAT, json=body, name="chat", catch_response=True) as answer:
            if reason := refusal(answer, "choices"):
                answer.failure(reason)
            if answer.status_code == 404:
                self.model = settings.MODEL

    def _offered(self) -> str:
        """The first model that the service lists; empty when it cannot be asked, which counts as a failure."""
        with self.client.get(MODELS, name="models", catch_response=True) as answer:
            if reason := refusal(answer, "data"):
                answer.failure(reason)
                return ""
            return str(json.loads(answer.text)["data"][0]["id"])


def refusal(answer: ResponseContextManager, field: str) -> str:
    """Why `answer` is not what was asked for: its status, or no entries in the list `field`. Empty when it is."""
    if answer.status_code != 200:
        return f"{answer.status_code}: {(answer.text or str(answer.error))[:200]}"
    try:
        found = json.loads(answer.text).get(field)
    except ValueError:
        found = None
    return "" if found else f"200 without {field}: {answer.text[:200]}"
