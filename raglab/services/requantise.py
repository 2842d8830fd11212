"""Rewrites a GGUF model with its Q4_1 weights stored as Q8_0 or Q4_0.

llama.cpp has fast repacked CPU kernels for both but none for Q4_1, so the same weights read their prompt
about twice as fast after this step; the values themselves are the ones of the source, each block of 32
rounded once more to 8 or 4 bits. Only numpy is needed: nothing is compiled and no model is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.constants import GGML_QUANT_SIZES
from gguf.gguf_reader import ReaderField, ReaderTensor
from gguf.quants import dequantize, quantize

_REWRITTEN_BY_WRITER = {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture"}
_FROM = GGMLQuantizationType.Q4_1
_FILE_TYPES = {"Q8_0": LlamaFileType.MOSTLY_Q8_0, "Q4_0": LlamaFileType.MOSTLY_Q4_0}


def requantise(source: Path, target: Path, form: str, report: Callable[[float], None]) -> None:
    """Writes `source` to `target` in `form`, Q8_0 or Q4_0; `report` gets the finished share, 0 to 1. Takes some
    seconds.
    """
    to = GGMLQuantizationType[form]
    reader = GGUFReader(source)
    writer = GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        _copy_field(writer, field, _FILE_TYPES[form])
    for tensor in reader.tensors:
        writer.add_tensor_info(tensor.name, *_layout(tensor, to))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    total = sum(int(tensor.n_elements) for tensor in reader.tensors)
    done = 0
    for tensor in reader.tensors:
        writer.write_tensor_data(_converted(tensor, to))
        done += int(tensor.n_elements)
        report(done / total)
    writer.close()


def _copy_field(writer: GGUFWriter, field: ReaderField, file_type: LlamaFileType) -> None:
    if field.name in _REWRITTEN_BY_WRITER:
        return
    if field.name == "general.file_type":
        writer.add_file_type(file_type)
        return
    element = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
    writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=element)


def _layout(
    tensor: ReaderTensor, to: GGMLQuantizationType
) -> tuple[tuple[int, ...], np.dtype, int, GGMLQuantizationType | None]:
    """Shape, numpy type, bytes and raw type as GGUFWriter wants them; GGUF lists dimensions innermost
    first.
    """
    if tensor.tensor_type != _FROM:
        return tensor.data.shape, tensor.data.dtype, tensor.data.nbytes, tensor.tensor_type
    rows, columns = tuple(reversed(tensor.shape.tolist()))
    values, size = GGML_QUANT_SIZES[to]  # of one block
    row_bytes = columns // values * size
    return (rows, row_bytes), np.dtype(np.uint8), rows * row_bytes, to


def _converted(tensor: ReaderTensor, to: GGMLQuantizationType) -> np.ndarray:
    if tensor.tensor_type != _FROM:
        return tensor.data
    return quantize(dequantize(tensor.data, _FROM), to)
