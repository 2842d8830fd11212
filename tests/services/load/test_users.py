"""What the users of the load ask, what they accept, and what they count as failed."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web


async def answered(request):
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": "Paris."}}]})


def models(*names: str):
    async def listed(request):
        return web.json_response({"object": "list", "data": [{"id": name} for name in names]})

    return listed


@pytest.fixture
def nim(target):
    target.answers |= {"POST /v1/chat/completions": answered, "GET /v1/models": models("mistral-7b-instruct")}
    return target


async def test_chat_asks_the_model_that_is_offered(nim, run):
    stats, said = await run("main.py", users=2)
    asked = [body for what, body in nim.seen if what == "POST /v1/chat/completions"]
    assert len(asked) >= 10
    assert {body["model"] for body in asked} == {"mistral-7b-instruct"}
    assert (asked[0]["max_tokens"], asked[0]["stream"], len(asked[0]["messages"])) == (50, False, 2)
    assert stats["chat"]["num_failures"] == 0 and stats["models"]["num_requests"] == 2
    assert "Paris" not in said, "answers are not printed"


async def test_each_request_opens_a_connection_so_that_new_pods_get_work(nim, run):
    await run("main.py", users=1)
    assert len(nim.connections) == len(nim.seen)


async def test_a_fixed_model_name_is_not_looked_up(nim, run):
    await run("main.py", users=1, LOAD_MODEL="llama-2-7b-chat", LOAD_MAX_TOKENS="7")
    assert {what for what, _ in nim.seen} == {"POST /v1/chat/completions"}
    assert (nim.seen[0][1]["model"], nim.seen[0][1]["max_tokens"]) == ("llama-2-7b-chat", 7)


async def test_after_a_substitution_each_user_fails_once_and_finds_the_new_model(nim, run):
    served = ["old"]

    async def chat(request):
        body = await request.json()
        if len(nim.seen) > 10:
            served[0] = "new"
            nim.answers["GET /v1/models"] = models("new")
        if body["model"] != served[0]:
            return web.json_response({"error": {"message": "The model does not exist"}}, status=404)
        return await answered(request)

    nim.answers |= {"POST /v1/chat/completions": chat, "GET /v1/models": models("old")}
    stats, said = await run("main.py", users=3)
    assert 1 <= stats["chat"]["num_failures"] <= 3
    assert nim.seen[-1][1] is None or nim.seen[-1][1]["model"] == "new"
    assert "The model does not exist" in said


async def test_a_fixed_model_name_fails_for_ever_after_a_substitution(nim, run):
    async def gone(request):
        return web.json_response({"error": {"message": "The model does not exist"}}, status=404)

    nim.answers["POST /v1/chat/completions"] = gone
    stats, _ = await run("main.py", users=1, LOAD_MODEL="llama-2-7b-chat")
    assert stats["chat"]["num_failures"] == stats["chat"]["num_requests"] > 1


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (503, '{"error": {"message": "draining"}}', "503: "),
        (200, '{"choices": []}', "200 without choices"),
        (200, "<html>", "200 without choices"),
    ],
)
async def test_what_is_no_answer_counts_as_failed(nim, run, status, text, reason):
    async def bad(request):
        return web.Response(text=text, status=status)

    nim.answers["POST /v1/chat/completions"] = bad
    stats, said = await run("main.py", users=1)
    assert stats["chat"]["num_failures"] == stats["chat"]["num_requests"] > 0
    assert reason in said


async def test_a_service_that_is_not_there_is_a_failure_too(target, run):
    target.url = "http://127.0.0.1:9"
    stats, _ = await run("main.py", users=0, LOAD_STAGES="3:1")
    assert stats["models"]["num_failures"] == stats["models"]["num_requests"] > 0
    assert "chat" not in stats


async def test_the_mix_searches_asks_uploads_and_cleans_up(nim, run):
    async def hits(request):
        return web.json_response([])

    async def text(request):
        return web.Response(text="An answer.", content_type="text/event-stream")

    async def done(request):
        return web.json_response({"message": "File uploaded successfully"})

    nim.answers |= {
        "POST /documentSearch": hits,
        "POST /generate": text,
        "POST /uploadDocument": done,
        "DELETE /documents": done,
    }
    wanted = nim.answers.keys() - {"DELETE /documents"}  # asked at the end
    stats, _ = await run("mix.py", users=11, until=lambda: wanted <= {what for what, _ in nim.seen})
    assert {name for name, entry in stats.items() if entry["num_failures"]} == set()
    assert stats.keys() == {"models", "chat", "documentSearch", "generate", "uploadDocument", "clean up"}
    uploads = [body["file"] for what, body in nim.seen if what == "POST /uploadDocument"]
    assert len(set(uploads)) == 1, "a user's file stays the same, so that the knowledge base does not grow"
    generated = next(body for what, body in nim.seen if what == "POST /generate")
    assert generated.keys() == {"question", "context", "use_knowledge_base", "num_tokens"}


async def test_stages_give_the_number_of_users(nim, run):
    busy, most = [0], [0]

    async def chat(request):
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        await asyncio.sleep(0.3)
        busy[0] -= 1
        return await answered(request)

    nim.answers["POST /v1/chat/completions"] = chat
    stats, said = await run("main.py", users=0, LOAD_STAGES="1:1,2:6", LOAD_WAIT="0,0")
    assert "updating to 1 users" in said and "updating to 6 users" in said
    assert most == [6]
    assert stats["chat"]["num_failures"] == 0


async def test_a_stage_that_cannot_be_read_is_named(nim, run):
    with pytest.raises(AssertionError, match="stage 'soon:5'"):
        await run("main.py", users=0, LOAD_STAGES="soon:5")
