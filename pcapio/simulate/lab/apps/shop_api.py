"""The shop of the single-page applications: what their pages fetch, on Flask. For labs only."""
import sqlite3

from flask import Flask, request, session

import shop

application = Flask(__name__)
application.secret_key = "lab"


@application.get("/items")
def items():
    return [{"number": n, "name": name} for n, name in enumerate(shop.ITEMS)]


@application.get("/items/<int:number>")
def item(number):
    return {"text": shop.item(number)}


@application.get("/search")
def search():
    try:
        return {"text": shop.search(request.args.get("q", ""))}
    except sqlite3.Error as error:
        return {"error": f"Database error: {error}"}, 500


@application.get("/hello")
def hello():
    """The mistake on purpose: it is HTML, and goes into the page as it is."""
    return f"<p>Hello {request.args.get('name', '')}!</p>"


@application.get("/file")
def file():
    try:
        return {"text": shop.read(request.args.get("name", ""))}
    except (OSError, ValueError) as error:
        return {"error": f"No file: {error}"}, 404


@application.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        if not shop.known(request.form.get("user", ""), request.form.get("password", "")):
            return {"error": "wrong name or password"}, 403
        session["user"] = request.form["user"]
    return {"user": session.get("user")}


@application.post("/comments")
def comment():
    shop.comment(request.form.get("text", ""))
    return {}, 201
