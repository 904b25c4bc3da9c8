"""/api/devices/: where the person is signed in, as on the page."""

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import devices
from twofactor.api import descriptions, serializers
from twofactor.api.base import ApiView, django_request, serialized, token_family, validated
from twofactor.api.exceptions import ApiError


def own_devices(request: Request) -> list[devices.ListedDevice]:
    family = token_family(request)
    return devices.list_devices(family.user, timezone.now(), family.device_id)


class DevicesView(ApiView):
    http_method_names = ["get"]
    throttle_scope = "devices"

    @descriptions.devices
    def get(self, request: Request) -> Response:
        listed = {"devices": own_devices(request), "has_session_list": devices.has_session_list()}
        return serialized(serializers.Devices, listed)


class EndDeviceView(ApiView):
    throttle_scope = "devices"

    @descriptions.end_device
    def post(self, request: Request) -> Response:
        data, user = validated(serializers.DeviceId, request), token_family(request).user
        device = devices.find(own_devices(request), data["id"], user)
        if device.is_this:
            raise ApiError(_("This is the device you're using. Sign out to end it."), "this_device")
        devices.end(device, user, django_request(request))
        return Response(status=204)
