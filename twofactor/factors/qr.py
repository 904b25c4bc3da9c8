"""QR codes as inline SVG."""

import io

import segno

MASK = 4  # every mask is legal; trying all eight for the best one takes three quarters of the time


def svg(text: str, *, alone: bool = False) -> str:
    """One path on a white ground, without which the code cannot be read in dark mode.

    alone: as a file of its own, for programs that show it outside our pages.
    """
    file = io.BytesIO()
    code = segno.make(text, micro=False, error="m", mask=MASK)
    code.save(file, kind="svg", border=4, light="#fff", omitsize=True, xmldecl=False, svgns=alone, nl=False)
    picture = file.getvalue().decode()
    return (
        picture if alone else picture.replace("<svg ", '<svg aria-hidden="true" ', 1)
    )  # the text of the page says what it is
