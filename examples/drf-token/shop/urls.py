"""The framework's own login view, the account of whoever asks, and a logout."""

from django.contrib.auth.models import User
from django.urls import path
from rest_framework import generics, serializers, views
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.request import Request
from rest_framework.response import Response


class UserSerializer(serializers.ModelSerializer):
    """Name and address, of which the given name can be changed."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name")
        read_only_fields = ("username", "email")


class Me(generics.RetrieveUpdateAPIView):
    """The account of whoever asks."""

    serializer_class = UserSerializer

    def get_object(self) -> User:
        return self.request.user


class Logout(views.APIView):
    """Deletes the token of whoever asks; the next login makes another."""

    def post(self, request: Request) -> Response:
        Token.objects.filter(user=request.user).delete()
        return Response(status=204)


urlpatterns = [
    path("login", obtain_auth_token),
    path("me", Me.as_view()),
    path("logout", Logout.as_view()),
]
