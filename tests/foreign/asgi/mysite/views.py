import asyncio

from django.contrib.auth.decorators import login_required
from django.http import StreamingHttpResponse
from django.shortcuts import render

from twofactor.decorators import otp_required


@login_required
async def home(request):
    await request.auser()
    return render(request, "home.html")


@otp_required
async def stream(request):
    return StreamingHttpResponse(lines(), content_type="text/plain")


async def lines():
    for number in range(3):
        await asyncio.sleep(0.1)
        yield f"line {number}\n"
