"""Every block of Python, of a template and for the shell in the documentation is run, or says why not."""

import pytest

from tests.docs.blocks import BLOCKS, EXECUTED, OTHERS, PAGES, ROOT, SHELL, blocks_of
from tests.docs.projects import check_command, project_with, use, words_of

TO_RUN = {block.page for block in BLOCKS if block.language in EXECUTED and not block.why_not}


def test_every_block_names_a_known_language():
    unknown = [
        f"{block.page.name}:{block.line}" for block in BLOCKS if block.language not in EXECUTED | OTHERS
    ]
    assert unknown == []


def test_only_what_could_be_run_says_why_it_is_not():
    assert [block for block in BLOCKS if block.why_not and block.language not in EXECUTED] == []


@pytest.mark.parametrize(
    "source", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if page in TO_RUN]
)
def test_what_a_page_says_works(source, tmp_path, with_other_packages):
    blocks = [block for block in blocks_of(source) if not block.why_not]
    lines = [line for block in blocks if block.language in SHELL for line in block.commands]
    for_django = []
    for words in map(words_of, lines):
        if words[0] == "manage.py":
            for_django.append(words[1:])
        else:
            check_command(words)
    if for_django or any(block.language not in SHELL for block in blocks):
        use(project_with(tmp_path, with_other_packages, blocks), for_django)
