"""A small shop on Flask with the mistakes that scanners look for. For labs only."""
import sqlite3

from flask import Flask, redirect, request, session

import shop

application = Flask(__name__)
application.secret_key = "lab"


@application.get("/")
def index():
    return shop.page(shop.INDEX)


@application.get("/items/<int:number>")
def item(number):
    return shop.page(shop.item(number))


@application.get("/search")
def search():
    try:
        return shop.page(shop.search(request.args.get("q", "")))
    except sqlite3.Error as error:
        return shop.page(f"Database error: {error}"), 500


@application.get("/hello")
def hello():
    return shop.page(f"Hello {request.args.get('name', '')}!")


@application.get("/file")
def file():
    try:
        return shop.page(shop.read(request.args.get("name", "")))
    except OSError as error:
        return shop.page(f"No file: {error}"), 404


@application.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return shop.page(shop.LOGIN)
    if not shop.known(request.form.get("user", ""), request.form.get("password", "")):
        return shop.page("wrong name or password" + shop.LOGIN), 403
    session["user"] = request.form["user"]
    return redirect("/")


@application.post("/comments")
def comment():
    shop.comment(request.form.get("text", ""))
    return redirect("/")
