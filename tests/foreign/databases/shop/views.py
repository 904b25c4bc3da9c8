from django.contrib.auth.decorators import login_required
from django.shortcuts import render

from shop.models import Visit


@login_required
def home(request):
    Visit.objects.create(username=request.user.get_username())
    return render(request, "home.html", {"visits": Visit.objects.count()})
