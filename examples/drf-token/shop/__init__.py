"""A Django REST framework project with nothing but TokenAuthentication, a /me and a logout."""
