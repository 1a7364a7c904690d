"""A small shop on Django with the mistakes that scanners look for. For labs only."""
import sqlite3

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path

import shop

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="lab", DEBUG=False)
django.setup()


def index(request):
    return HttpResponse(shop.page(shop.INDEX))


def item(request, number):
    return HttpResponse(shop.page(shop.item(number)))


def search(request):
    try:
        return HttpResponse(shop.page(shop.search(request.GET.get("q", ""))))
    except sqlite3.Error as error:
        return HttpResponse(shop.page(f"Database error: {error}"), status=500)


def hello(request):
    return HttpResponse(shop.page(f"Hello {request.GET.get('name', '')}!"))


def file(request):
    try:
        return HttpResponse(shop.page(shop.read(request.GET.get("name", ""))))
    except (OSError, ValueError) as error:
        return HttpResponse(shop.page(f"No file: {error}"), status=404)


def login(request):
    if request.method != "POST":
        return HttpResponse(shop.page(shop.LOGIN))
    if not shop.known(request.POST.get("user", ""), request.POST.get("password", "")):
        return HttpResponse(shop.page("wrong name or password" + shop.LOGIN), status=403)
    return HttpResponseRedirect("/")


def comment(request):
    shop.comment(request.POST.get("text", ""))
    return HttpResponseRedirect("/")


urlpatterns = [
    path("", index), path("items/<int:number>", item), path("search", search), path("hello", hello),
    path("file", file), path("login", login), path("comments", comment),
]
application = get_wsgi_application()
