from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.shortcuts import render
from rest_framework.decorators import api_view
from rest_framework.response import Response

from twofactor.shortcuts import after_password


def sign_in(request):
    form = AuthenticationForm(request, data=request.POST or None)
    if form.is_valid():
        return after_password(request, form.get_user(), request.GET.get("next", ""))
    for field in form.fields.values():
        field.widget.attrs["class"] = "form-control mb-3"
    return render(request, "sign_in.html", {"form": form})


@login_required
def home(request):
    return render(request, "home.html")


@api_view()
def orders(request):
    """As DRF guards it by default."""
    return Response({"orders": [], "customer": str(request.user)})
