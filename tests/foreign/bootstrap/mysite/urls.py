from django.contrib.auth.views import LogoutView

from api_views import Invoices
from shop.views import home, orders, sign_in

urlpatterns += [
    path("", home, name="home"),
    path("sign-in/", sign_in, name="sign_in"),
    path("sign-out/", LogoutView.as_view(next_page="sign_in"), name="logout"),
    path("api/invoices/", Invoices.as_view()),
    path("api/orders/", orders),
]
