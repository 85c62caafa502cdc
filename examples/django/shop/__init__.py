"""A Django project with nothing but its own login: what `startproject` leaves, plus one page."""
