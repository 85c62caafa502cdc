"""A Django project whose accounts are django-allauth's headless API."""
