"""The headers that htmx sends for a step that it swaps into a page of ours."""

HTMX = {"HX-Request": "true", "HX-Target": "tf-main"}
