"""A search for a name finds one thing: classes and modules have names of their own."""

import ast
from collections import Counter

from tests.house.source_tree import modules, source_files


def several(names):
    return {name for name, count in Counter(names).items() if count > 1}


def test_public_classes_have_names_of_their_own():
    found = several(
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert found == set()


def test_modules_have_names_of_their_own():
    found = several(path.stem for path in source_files()) - {"__init__"}
    assert found == set()
