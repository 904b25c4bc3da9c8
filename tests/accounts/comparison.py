"""What two people get to see who must not be told apart."""


def headers(response):
    """All but the number and the second that each request has of its own."""
    return {name: value for name, value in response.items() if name not in {"X-Request-ID", "Expires"}}


def answer(response):
    return response.status_code, response.content, headers(response), response.cookies
