"""The command line of the early-access LLM container, translated into the environment variables of NIM 1.x.

`nemollm_inference_ms --model NAME --openai_port N --nemo_port M --num_gpus=1` serves under NAME on port N.
The NeMo API of its own that the early-access container had on port M is not part of the stand-in.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import MutableMapping

PROGRAM = "nemollm_inference_ms"


def apply_arguments(arguments: list[str], environ: MutableMapping[str, str] = os.environ) -> None:
    """Writes the arguments into `environ`; unknown ones are named and ignored, as they concern the real
    engine.
    """
    parser = argparse.ArgumentParser(PROGRAM, allow_abbrev=False)
    parser.add_argument("--model", "--model_name", dest="model")
    parser.add_argument("--openai_port", type=int)
    parser.add_argument("--nemo_port", type=int)
    parser.add_argument("--num_gpus", type=int)
    parser.add_argument("--log_level")
    if arguments[:1] == [PROGRAM]:
        arguments = arguments[1:]
    options, unknown = parser.parse_known_args(arguments)
    given = {
        "NIM_SERVED_MODEL_NAME": options.model,
        "NIM_SERVER_PORT": options.openai_port,
        "NIM_LOG_LEVEL": options.log_level,
    }
    environ.update({name: str(value) for name, value in given.items() if value is not None})
    if unknown:
        print(f"{PROGRAM}: ignored: {' '.join(unknown)}", file=sys.stderr)
