"""What `choose` shows: all options without a kernel, one of them with it."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from raglab.gpus import topology
from raglab.lesson.choosing import MAXIMUM, WIDGET, choose
from raglab.lesson.links import describe, picture
from raglab.lesson.recording import leave_out_widgets
from raglab.paths import CHECKOUT

SIZES = {"small": 1, "<large>": 70}


def words(size: int) -> str:
    return f"{size} GB & more"


def test_without_a_kernel_every_option_is_told() -> None:
    choice = choose("Model", SIZES, words)
    assert repr(choice) == "small    1 GB & more\n<large>  70 GB & more"
    page = choice._repr_html_()
    assert page.count("<tr>") == 3 and "&lt;large&gt;" in page and "70 GB &amp; more" in page


def test_with_a_kernel_one_option_is_chosen() -> None:
    control, below = choose("Model", SIZES, words).widget().children
    assert (control.description, control.value, below.value) == ("Model", "small", "<p>1 GB &amp; more</p>")
    control.value = "<large>"
    assert below.value == "<p>70 GB &amp; more</p>"


def test_a_picture_says_in_words_what_it_shows() -> None:
    captures = {file.stem: topology.read(file) for file in (CHECKOUT / "data" / "topology").glob("*h100.txt")}
    _, below = choose("Machine", captures, describe, picture).widget().children
    assert (
        "alt='dgx-h100: 8 GPUs, 28 pairs by NV18'" in below.value and "image/png;base64,iVBOR" in below.value
    )
    assert plt.get_fignums() == []


def test_a_recording_has_the_table_and_no_widget() -> None:
    bundle = choose("Model", SIZES, words)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", WIDGET} and bundle[WIDGET]["model_id"]
    cell = new_code_cell(outputs=[new_output("execute_result", data=bundle), new_output("stream", text="x")])
    notebook = new_notebook(cells=[cell])
    leave_out_widgets(notebook)
    assert set(notebook.cells[0].outputs[0].data) == {"text/plain", "text/html"}


@pytest.mark.parametrize("count", [0, MAXIMUM + 1])
def test_too_few_and_too_many_options_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        choose("Number", {str(number): number for number in range(count)}, str)
