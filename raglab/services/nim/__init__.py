"""Stand-ins for NVIDIA's inference microservices: the API of a NIM, answered on the CPU by small open
models.

`llm` speaks the OpenAI API of NIM for LLMs 1.x over llama.cpp, `embedding` the API of the NeMo Retriever
text embedding NIM over ONNX Runtime. Both share their errors, metrics, management endpoints and life cycle.
Whatever model name they serve, `/v1/models` and `/v1/metadata` say which model really answers.
"""
