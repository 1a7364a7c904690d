"""What the shops have in common: pages, a database, and queries put together by hand."""
import os
import sqlite3

HERE = os.path.dirname(os.path.abspath(__file__))
ITEMS = ["lamp", "chair", "table", "shelf", "clock", "vase", "mirror", "carpet", "stool", "frame"]
LOGIN = '<form method="post" action="/login"><input name="user"><input name="password" type="password"><button>Log in</button></form>'
INDEX = (
    "<ul>" + "".join(f'<li><a href="/items/{n}">{name}</a></li>' for n, name in enumerate(ITEMS)) + "</ul>"
    '<form action="/search"><input name="q"><button>Search</button></form>'
    '<form action="/hello"><input name="name"><button>Greet</button></form>'
    '<a href="/file?name=terms.txt">Terms</a> <a href="/login">Log in</a>'
    '<form method="post" action="/comments"><input name="text"><button>Comment</button></form>'
)


def database():
    db = sqlite3.connect(os.path.join(HERE, "shop.db"), timeout=5)
    db.execute("create table if not exists items (number integer primary key, name text, price integer)")
    db.execute("create table if not exists comments (text text)")
    if not db.execute("select count(*) from items").fetchone()[0]:
        db.executemany("insert or ignore into items values (?, ?, ?)", [(n, name, 10 + 7 * n) for n, name in enumerate(ITEMS)])
        db.commit()
    return db


def page(body):
    return f"<!doctype html><title>Shop</title><body><h1>Shop</h1>{body}</body>"


def item(number):
    row = database().execute("select name, price from items where number = ?", (number,)).fetchone()
    return f"{row[0]}: {row[1]}" if row else "sold out"


def search(words):
    """The mistake on purpose: the words become part of the query."""
    rows = database().execute(f"select name, price from items where name like '%{words}%'").fetchall()
    return f"You looked for {words}: " + ", ".join(f"{name} ({price})" for name, price in rows)


def read(name):
    """The mistake on purpose: the name may lead out of the folder of texts. It
    does not lead out of a made-up root, so that no file of this machine gets
    into a capture."""
    inside = os.path.normpath(os.path.join("/texts", name))
    with open(os.path.join(HERE, "root") + inside, errors="replace") as f:
        return f.read(20000)


def known(user, password):
    return (user, password) == ("customer", "lab")


def comment(text):
    with database() as db:
        db.execute("insert into comments values (?)", (text,))
