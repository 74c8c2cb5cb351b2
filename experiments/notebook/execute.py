# /// script
# requires-python = ">=3.9"
# dependencies = ["nbclient", "ipykernel"]
# ///
"""Executes a notebook in the folder it is called from: execute.py NOTEBOOK writes its outputs into it; execute.py --compare NOTEBOOK
only says, with exit code 1, where a cell prints another thing than stands in it. Pictures and warnings are not compared."""
import copy, sys
import nbformat
from nbclient import NotebookClient


def printed(cell):
    return "".join(out["text"] for out in cell.get("outputs", []) if out["output_type"] == "stream" and out["name"] == "stdout")


*flags, path = sys.argv[1:]
before = nbformat.read(path, as_version=4)
after = copy.deepcopy(before)
for cell in after.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.metadata = [], nbformat.from_dict({})
NotebookClient(after, timeout=300, kernel_name="python3", record_timing=False).execute()
if flags == ["--compare"]:
    pairs = [(old, new) for old, new in zip(before.cells, after.cells) if old.cell_type == "code"]
    if not any(printed(old) for old, _ in pairs):
        sys.exit(f"{path}: no cell has an output to compare; execute.py without --compare writes them")
    wrong = [f"{old.source}\n--- in the notebook\n{printed(old)}\n--- now\n{printed(new)}" for old, new in pairs if printed(old) != printed(new)]
    sys.exit("\n\n".join(wrong) or None)
after.metadata = nbformat.from_dict({"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}})
nbformat.write(after, path)
