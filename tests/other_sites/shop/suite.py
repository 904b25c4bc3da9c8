"""The tests that site had before a second factor was required."""

from django.contrib.auth.models import User
from django.test import RequestFactory, TestCase, TransactionTestCase
from rest_framework.test import APIClient
from shop.views import orders


class Pages(TestCase):
    def setUp(self):
        self.ann = User.objects.create_user("ann", "ann@example.com", "correct horse battery")
        self.boss = User.objects.create_superuser("boss", "boss@example.com", "correct horse battery")

    def test_strangers_are_led_to_the_login_page(self):
        assert self.client.get("/orders/")["Location"] == "/login/?next=/orders/"

    def test_the_orders(self):
        self.client.force_login(self.ann)
        self.assertContains(self.client.get("/orders/"), "Orders of ann")

    def test_someone_else_signs_in(self):
        self.client.force_login(self.ann)
        self.client.force_login(self.boss)
        self.assertContains(self.client.get("/orders/"), "Orders of boss")

    def test_the_admin(self):
        self.client.force_login(self.boss)
        self.assertContains(self.client.get("/admin/auth/user/"), "ann@example.com")

    def test_a_page_after_signing_out(self):
        self.client.force_login(self.ann)
        self.client.logout()
        assert self.client.get("/orders/").status_code == 302

    def test_the_api(self):
        client = APIClient()
        client.force_login(self.ann)
        assert client.get("/api/orders/").json() == {"orders_of": "ann"}

    def test_a_request_without_middleware(self):
        request = RequestFactory().get("/orders/")
        request.user = self.ann
        assert orders(request).content == b"Orders of ann"


class Committed(TransactionTestCase):
    def test_the_orders(self):
        ann = User.objects.create_user("ann", "ann@example.com", "correct horse battery")
        self.client.force_login(ann)
        self.assertContains(self.client.get("/orders/"), "Orders of ann")


class Async(TestCase):
    async def test_the_stock(self):
        ann = await User.objects.acreate_user("ann", "ann@example.com", "correct horse battery")
        await self.async_client.aforce_login(ann)
        assert (await self.async_client.get("/stock/")).content == b"Stock for ann"
