"""Checks of lesson 04, ask your documents. They ask the query-router itself, over HTTP."""

from __future__ import annotations

from typing import Any

from raglab import paths
from raglab.lesson import cluster, node_port
from raglab.lesson.checks.registry import Verdict, register
from raglab.lesson.evaluation import Score

PDF = "llama2_overview.pdf"
PORT = 30081
HIT_RATE = 0.6  # a floor that only a broken set-up misses


def _documents() -> dict[str, int]:
    """Passages per document."""
    return {
        document["filename"]: document["chunks"]
        for document in node_port.facts(PORT, "/documents")["documents"]
    }


def _first_source(question: str) -> str:
    hits = node_port.facts(PORT, "/documentSearch", body={"content": question, "num_docs": 1})
    return hits[0]["source"] if hits else "nothing"


@register(
    "04.uploaded",
    "The PDF is in the knowledge base",
    "The upload answers with the number of passages, or with what is wrong with the file.",
)
def uploaded() -> Verdict:
    count = _documents().get(PDF, 0)
    return Verdict(
        count > 10,
        f"{count} passages of {PDF}",
        "its passages",
        "Run the cell of the upload again and read its answer",
    )


@register(
    "04.search",
    "Search finds passages of the PDF, best first",
    "Pass the list that documentSearch answers, as it is; the PDF has to be uploaded.",
)
def search(hits: list[dict[str, Any]]) -> Verdict:
    scores = [hit["score"] for hit in hits]
    right = bool(hits) and scores == sorted(scores, reverse=True) and hits[0]["source"] == PDF
    return Verdict(
        right,
        f"{len(hits)} passages, best {max(scores, default=0):.2f}",
        "passages in order",
        "Look at the printed hits",
    )


@register(
    "04.answer",
    "An answer was generated from your documents",
    "The query-router writes every prompt into its log before it asks the model.",
)
def answer(text: str) -> Verdict:
    log = cluster.kubectl("logs", "deployment/query-router", "-n", cluster.NAMESPACE, "--tail=400")
    logged = "Prompt used" in log
    observed = (
        f"{'text' if text.strip() else 'no text'}, prompt {'in the log' if logged else 'not in the log'}"
    )
    return Verdict(
        bool(text.strip()) and logged,
        observed,
        "text, prompt in the log",
        "kubectl logs deployment/query-router -n rag-sample",
    )


@register(
    "04.table",
    "The table holds one vector for each passage",
    "There is a row for each passage; documents that were deleted leave none.",
)
def table() -> Verdict:
    query = 'SELECT count(*), count(embedding) FROM "data_canonical-rag"'
    command = f"PGPASSWORD=$POSTGRES_PASSWORD psql -h /var/run/postgresql -U postgres -d api -At -c '{query}'"
    rows = cluster.kubectl("exec", "pgvector-0", "-n", cluster.NAMESPACE, "--", "bash", "-c", command).strip()
    passages, vectors = (int(value) for value in rows.split("|"))
    expected = sum(_documents().values())
    return Verdict(
        passages == vectors == expected,
        f"{vectors} vectors",
        f"{expected} vectors",
        "Delete the document and upload it again",
    )


@register(
    "04.retrieval",
    "Retrieval finds the evidence",
    "A hit rate near zero means that the evidence is not in the table, or vectors of another model are.",
)
def retrieval(score: Score) -> Verdict:
    observed = f"hit rate@{score.k} {score.hit_rate:.2f}, MRR {score.mrr:.2f}"
    return Verdict(
        score.hit_rate >= HIT_RATE,
        observed,
        f"hit rate of {HIT_RATE} or more",
        "Upload the PDF, then evaluate again",
    )


@register(
    "04.page",
    "The page shows the passages, then the answer",
    "The page's answer is a stream: first the passages, then pieces of text; a problem takes their place.",
)
def page(events: list[dict[str, Any]]) -> Verdict:
    kinds = list(dict.fromkeys(next(iter(event)) for event in events))
    problem = next((event["problem"]["what"] for event in events if "problem" in event), "")
    return Verdict(
        kinds == ["passages", "text", "html"] and bool(events[0]["passages"]),
        problem or ", then ".join(kinds),
        "passages, then text, then html",
        "kubectl get pods -n rag-sample",
    )


@register(
    "04.second-corpus",
    "Documents in four more formats answer questions",
    "The files are in data/documents; the query-router tells a format by the end of the name.",
)
def second_corpus() -> Verdict:
    formats = {name.rsplit(".", 1)[-1] for name in _documents()}
    missing = {"md", "html", "txt", "docx"} - formats
    if missing:
        return Verdict(
            False,
            f"no {', '.join(sorted(missing))}",
            "md, html, txt and docx",
            f"ls {paths.CHECKOUT / 'data' / 'documents'}, and upload what is missing",
        )
    source = _first_source("What does the GPU policy of the lab say?")
    return Verdict(
        source != PDF,
        f"the GPU policy is found in {source}",
        "a handbook file",
        "kubectl logs deployment/query-router -n rag-sample",
    )


@register(
    "04.repaired",
    "Search works again",
    "The error names the backend that does not answer: is it there, and has it a ready pod?",
)
def repaired() -> Verdict:
    source = _first_source("safety evaluation")
    return Verdict(
        source != "nothing",
        "search answers" if source != "nothing" else source,
        "search answers",
        "kubectl get pods -n rag-sample",
    )


@register(
    "04.leaves",
    "The application runs and holds no document",
    "DELETE /documents removes one document by its filename.",
)
def leaves() -> Verdict:
    left = _documents()
    return Verdict(not left, f"{len(left)} documents", "0 documents", "Run the clean-up cell again")
