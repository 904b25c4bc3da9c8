"""Run inside a project whose user admin inherits TwoFactorUserAdmin and Django's UserAdmin."""

from django.contrib.auth.models import User
from django.test import Client

from twofactor.testing import enrol, sign_in

bob = User.objects.create_user("bob", "bob@example.com", "correct horse battery")
root = User.objects.create_superuser("root", "root@example.com", "correct horse battery")
enrol(root, unsafe=True)
client = Client()
sign_in(client, root, unsafe=True)


def page(path):
    answer = client.get(f"/admin/auth/user/{path}")
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


people = page("")
assert "column-two_factor" in people
assert "column-factor_last_used" in people
assert "?two_factor=on" in people
help_page = f"/admin/auth/user/{bob.pk}/two-factor/"
assert f'href="{help_page}"' in page(f"{bob.pk}/change/")
assert "two-factor/" not in page("add/")
assert bob.password not in page(f"{bob.pk}/change/")
assert client.get(help_page).status_code == 200
print("walked")
