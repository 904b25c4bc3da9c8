from http.cookies import SimpleCookie


class Cookies(dict[str, str]):
    """What a browser keeps between two requests to one site."""

    def keep(self, header):
        """One Set-Cookie."""
        for name, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                self.pop(name, None)
            else:
                self[name] = morsel.value

    def __str__(self):
        return "; ".join(f"{name}={value}" for name, value in self.items())
