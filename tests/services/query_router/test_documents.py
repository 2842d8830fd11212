"""What comes in, and what is refused."""

from __future__ import annotations

import io
import zipfile

import httpx
import pypdf
import pytest

from tests.services.conftest import Running


def found(client: httpx.Client, text: str, number: int = 4) -> list[dict]:
    response = client.post("/documentSearch", json={"content": text, "num_docs": number})
    assert response.status_code == 200, response.text
    return response.json()


def listed(client: httpx.Client) -> dict[str, int]:
    return {row["filename"]: row["chunks"] for row in client.get("/documents").json()["documents"]}


FILES = {
    "pigeons.txt": ("The pigeon loft holds forty birds.", "How many birds are in the loft?", "forty"),
    "mill.md": ("# Mill\n\nThe *water mill* grinds **rye**.\n\n| Grain | Price |\n|---|---|\n| rye | 7 |\n",
                "What does the mill grind?", "rye"),
    "inn.html": ("<html><head><title>no</title></head><body><script>var evil=1</script><p>The inn serves <b>eel"
                 "</b> soup.</p></body></html>", "What does the inn serve?", "eel soup"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_text_formats(client, upload, name) -> None:
    data, question, answer = FILES[name]
    assert upload(name, data).status_code == 200
    best = found(client, question)[0]
    assert best["source"] == name
    assert answer in best["content"]
    assert "evil" not in best["content"]


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("boats.pdf", "Who keeps the lighthouse?", "Marguerite"),
        ("bridges.docx", "Who built the bridge?", "monks"),
        ("bridges.docx", "How much is the toll?", "Toll | three coins"),
    ],
)
def test_binary_formats(client, upload, made_files, name, question, answer) -> None:
    assert upload(name, (made_files / name).read_bytes()).status_code == 200
    best = found(client, question)[0]
    assert best["source"] == name
    assert answer in best["content"]


def test_each_hit_names_its_own_file(client, upload) -> None:
    upload("red.txt", "The red door leads to the kitchen.")
    upload("blue.txt", "The blue door leads to the cellar.")
    hits = {hit["source"]: hit["content"] for hit in found(client, "Where does the door lead?", 2)}
    assert hits == {
        "red.txt": "The red door leads to the kitchen.",
        "blue.txt": "The blue door leads to the cellar.",
    }


def test_upload_again_replaces(client, upload) -> None:
    upload("news.txt", "The harvest festival is on Monday. " * 60)
    assert listed(client)["news.txt"] > 1
    upload("news.txt", "The harvest festival is on Friday.")
    assert listed(client)["news.txt"] == 1
    assert not [hit for hit in found(client, "When is the festival?", 50) if "Monday" in hit["content"]]


def test_a_failed_upload_keeps_the_old_text(client, upload) -> None:
    upload("kept.txt", "The well is deep.")
    assert upload("kept.txt", b"\xff\xfe\xfa\x00\xd8").status_code == 422
    assert listed(client)["kept.txt"] == 1


def test_delete(client, upload) -> None:
    upload("gone.txt", "The comet returns in May.")
    response = client.delete("/documents", params={"filename": "gone.txt"})
    assert response.status_code == 200
    assert "gone.txt" not in listed(client)
    assert client.delete("/documents", params={"filename": "gone.txt"}).status_code == 404
    assert client.delete("/documents", params={"filename": "a\x00b"}).status_code == 404
    assert client.delete("/documents").status_code == 422


def test_list_tells_time_and_chunks(client, upload) -> None:
    upload("dated.txt", "The clock tower is slow.")
    row = next(row for row in client.get("/documents").json()["documents"] if row["filename"] == "dated.txt")
    assert row["chunks"] == 1
    assert row["uploaded"].endswith("+00:00")


def test_nul_and_other_control_characters_are_removed(client, upload) -> None:
    assert upload("nul.txt", "The zebra\x00 was\x01 born in the zoo.\x0b").status_code == 200
    assert found(client, "Where was the zebra born?")[0]["content"] == "The zebra was born in the zoo."


@pytest.mark.parametrize("name", ["../../etc/zebra.txt", "C:\\temp\\zebra.txt", "a/b/ze\x07bra.txt"])
def test_folders_in_names_are_dropped(client, upload, name) -> None:
    assert upload(name, "Zebra names.").status_code == 200
    assert not [item for item in listed(client) if "/" in item or "\\" in item or "\x07" in item]
    assert "zebra.txt" in listed(client)


def encrypted(made_files) -> bytes:
    writer = pypdf.PdfWriter(clone_from=made_files / "boats.pdf")
    writer.encrypt("secret", algorithm="AES-256")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\x00" * 250_000_000)
    return stream.getvalue()


REFUSED = {
    "unsupported type": ("a.exe", b"MZ\x00", 415, "not supported"),
    "no ending, unknown type": ("README", b"text", 415, "not supported"),
    "empty": ("a.txt", b"", 422, "is empty"),
    "blank": ("a.txt", b" \n\t ", 422, "is empty"),
    "empty PDF": ("a.pdf", b"", 422, "is empty"),
    "not a PDF": ("a.pdf", b"plain words", 422, "not a readable PDF"),
    "truncated PDF": ("a.pdf", "half", 422, "not a readable PDF"),
    "scanned PDF": ("a.pdf", "scan", 422, "contains no text"),
    "encrypted PDF": ("a.pdf", "locked", 422, "is encrypted"),
    "not a DOCX": ("a.docx", b"PK\x03\x04 nothing", 422, "not a readable Word document"),
    "another archive": ("a.docx", "zip", 422, "not a readable Word document"),
    "archive bomb": ("a.docx", "bomb", 422, "unpacks to more than"),
    "binary as text": ("a.txt", bytes(range(128, 256)), 422, "not UTF-8"),
    "only punctuation": ("a.md", b"---\n", 422, "contains no text"),
    "too large": ("a.txt", b"word " * 250_000, 413, "larger than"),
    "far too large": ("a.txt", b"word " * 1_000_000, 413, "larger than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(client: httpx.Client, upload, router: Running, made_files, case) -> None:
    name, data, status, text = REFUSED[case]
    makers = {
        "half": lambda: (made_files / "boats.pdf").read_bytes()[:300],
        "scan": lambda: (made_files / "empty.pdf").read_bytes(),
        "locked": lambda: encrypted(made_files),
        "zip": _zip,
        "bomb": bomb,
    }
    response = upload(name, makers[data]() if isinstance(data, str) else data)
    assert response.status_code == status, response.text
    assert text in response.json()["message"]
    assert "Traceback" not in router.output()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return stream.getvalue()


def test_a_body_without_length_is_limited_too(client) -> None:
    def endless():
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(30):
            yield b"word " * 20_000
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/uploadDocument", content=endless(), headers=headers).status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"content": ""}', b'{"content": "a", "num_docs": 0}', b'{"content": "\\ud800"}'],
)
def test_bad_searches_are_told_so(client, body) -> None:
    response = client.post("/documentSearch", content=body)
    assert response.status_code == 422
    assert response.json()["detail"]


@pytest.mark.parametrize(
    "change", [{"num_tokens": 0}, {"num_tokens": 10**9}, {"question": ""}, {"context": None}]
)
def test_bad_generate_requests_are_told_so(client, change) -> None:
    body = {"question": "Who?", "context": "", "num_tokens": 5} | change
    assert client.post("/generate", json=body).status_code == 422


def test_upload_without_a_file(client) -> None:
    assert client.post("/uploadDocument").status_code == 422
    assert client.post("/uploadDocument", data={"file": "no file"}).status_code == 422


def test_numbers_as_text_are_understood(client, upload) -> None:
    upload("two.txt", "Two swans.")
    assert len(client.post("/documentSearch", json={"content": "swans", "num_docs": "1"}).json()) == 1
