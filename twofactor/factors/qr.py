"""QR codes as inline SVG."""

import io

import segno

MASK = 4  # any mask is legal; trying all eight to pick the prettiest takes three quarters of the time


def svg(text: str, *, alone: bool = False) -> str:
    """One path on painted white: without it the code can not be read in dark mode.

    Alone it is a picture by itself, for whoever shows it outside a page of ours.
    """
    out = io.BytesIO()
    code = segno.make(text, micro=False, error="m", mask=MASK)
    code.save(out, kind="svg", border=4, light="#fff", omitsize=True, xmldecl=False, svgns=alone, nl=False)
    drawn = out.getvalue().decode()
    return drawn if alone else drawn.replace("<svg ", '<svg aria-hidden="true" ', 1)  # the page names it
