"""The commands about the course's notebooks: each takes its parsed arguments, as in `commands`."""

from argparse import Namespace

from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import notebooks_folder, output_root


def badges_command(arguments: Namespace) -> int:
    from pix2pix_utils.course import badges  # needs nbformat, which only notebooks need

    notebooks = notebooks_folder()
    project = notebooks.parent
    if arguments.remove:
        changed = badges.remove_badges(notebooks)
    else:
        repository = badges.github_repository(badges.current_remote(project, arguments.remote))
        branch = arguments.branch or badges.current_branch(project)
        changed = badges.write_badges(notebooks, repository, branch)
    print(f"changed {len(changed)} notebook(s)")
    return 0


def slides_command(arguments: Namespace) -> int:
    try:
        from pix2pix_utils.course import slides  # needs nbconvert, which only notebooks need
    except ModuleNotFoundError as error:
        raise UserError(f"slides need {error.name}: pip install nbconvert") from None

    teaching = notebooks_folder() / "teaching"
    for path in slides.write_decks(teaching, arguments.output, arguments.reveal):
        print(f"wrote {path}")
    return 0


def book_command(arguments: Namespace) -> int:
    try:
        from pix2pix_utils.course import book  # needs Sphinx, which the extra `book` brings

        write_book = book.write_book
    except ModuleNotFoundError as error:
        raise UserError(
            f"the site needs {error.name}: pip install nbconvert sphinx myst-parser furo math-core"
        ) from None

    site = write_book(arguments.output, notebooks_folder().parent, output_root() / "report")
    print(f"wrote {len(site.pages)} pages ({site.size / 1e6:.1f} MB) to {site.folder}")
    return 0


def classroom_command(arguments: Namespace) -> int:
    from pix2pix_utils import classroom  # needs nbformat, which only notebooks need

    output = arguments.output or output_root() / "classroom"
    if arguments.grade is None:
        written = classroom.write_handouts(output)
        print(f"wrote {len(written)} files to {output}: students, solutions, nbgrader, exercises")
        return 0
    for option in ("cell_seconds", "notebook_minutes"):
        if not getattr(arguments, option) > 0:
            name = option.replace("_", "-")
            raise UserError(f"--{name} is {getattr(arguments, option)}, but it must be above 0")
    limits = classroom.Limits(arguments.cell_seconds, 60 * arguments.notebook_minutes)
    written = classroom.grade(
        arguments.grade, output, limits, on_graded=lambda line: print(line, flush=True)
    )
    print(f"wrote {' and '.join(str(path) for path in written)}")
    return 0
