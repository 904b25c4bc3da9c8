from http.cookies import SimpleCookie


class Cookies(dict[str, str]):
    """The cookies that a browser keeps for one site."""

    def keep(self, header):
        """Take in one Set-Cookie header."""
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.pop(name, None)
            else:
                self[name] = morsel.value

    def __str__(self):
        return "; ".join(f"{name}={value}" for name, value in self.items())
