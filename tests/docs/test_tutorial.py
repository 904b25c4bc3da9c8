"""The tutorial, followed step by step: each of its blocks in its order, and what its reader then sees."""

from tests.docs.blocks import ROOT, SHELL, blocks_of
from tests.docs.projects import HERE, bare_project, words_of

PAGE = ROOT / "docs/tutorial.md"
WALK = (HERE / "use_tutorial.py").read_text()


def follow(project, *steps):
    for block in blocks_of(PAGE):
        if not block.heading.startswith(tuple(f"{step}." for step in steps)) or block.why_not:
            continue
        if block.language in SHELL:
            run(project, map(words_of, block.commands))
        else:
            project.append(block.file, f"\n{block.text}")


def run(project, commands):
    for words in commands:
        printed = project.run(*words[1:]) if words[0] == "manage.py" else ""
        if "generate-key" in words:
            settings = project.folder / "mysite/settings.py"
            settings.write_text(settings.read_text().replace("…", printed.strip()))


def assert_seen(project, walk):
    assert "seen" in project.run("shell", "--no-imports", text=f"{WALK}\n\n{walk}()\nprint('seen')\n")


def test_the_tutorial_leads_to_the_first_code_and_to_staff_who_must_have_it(tmp_path, installed):
    project = bare_project(tmp_path, installed())
    follow(project, 1, 2, 3, 4)
    assert_seen(project, "first_code")
    follow(project, 5)
    assert_seen(project, "guarded_page")
    follow(project, 6)
    assert_seen(project, "required_of_staff")
