"""The views of another site, which asks for a second factor nowhere but before a payout."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from twofactor.decorators import otp_required, recently_confirmed


@login_required
def orders(request):
    return HttpResponse(f"Orders of {request.user}")


@login_required
async def stock(request):
    return HttpResponse(f"Stock for {await request.auser()}")


@otp_required
@recently_confirmed()
def payout(request):
    return HttpResponse(f"Paid to {request.user}")


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def api(request):
    return Response({"orders_of": str(request.user)})


PAGES = [
    path("login/", LoginView.as_view()),
    path("orders/", orders),
    path("stock/", stock),
    path("payout/", payout),
    path("api/orders/", api),
]
