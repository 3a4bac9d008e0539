"""SQLAlchemy's ORM on psycopg: what it issues through the proxy, one line of JSON each."""

import json
import os
import re

import psycopg
import sqlalchemy
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

PREFIX = os.environ["APPLICATION_PREFIX"]
SESSION = "orm"


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "sa_author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "sa_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("sa_author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def tell(text, outcome="success", **more):
    print(json.dumps({"session": SESSION, "text": text, "outcome": outcome, **more}))


def as_sent(text, values):
    """Named placeholders become $1, $2 … in the order of the names' first use."""
    names = []

    def number(match):
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    sent = re.sub(r"%\((\w+)\)s", number, text).replace("%%", "%")
    shown = [None if values[name] is None else str(values[name]) for name in names]
    return sent.strip(), shown


def listen(engine):
    """Tells each statement when its outcome is known."""

    @event.listens_for(engine, "after_cursor_execute")
    def _(connection, cursor, text, values, context, executemany):
        for one in values if executemany else [values]:
            sent, shown = as_sent(text, one)
            rows = {"rows": cursor.rowcount} if cursor.rowcount >= 0 and not executemany else {}
            tell(sent, **rows, **({"parameters": shown} if shown else {}))
            # psycopg then forgets what it has prepared.
            if sent.startswith("ROLLBACK TO"):
                tell("DEALLOCATE ALL")

    @event.listens_for(engine, "handle_error")
    def _(context):
        sent, shown = as_sent(context.statement, context.parameters)
        state = context.original_exception.sqlstate
        tell(sent, "failure", sqlstate=state, **({"parameters": shown} if shown else {}))

    for name, text in (("begin", "BEGIN"), ("commit", "COMMIT"), ("rollback", "ROLLBACK")):
        event.listen(engine, name, lambda connection, text=text: tell(text))


def tell_first_connect():
    """What the dialect asks of the server once, before anything else."""
    tell("BEGIN")
    tell("select pg_catalog.version()", rows=1)
    tell("select current_schema()", rows=1)
    tell("show transaction isolation level")
    tell("show standard_conforming_strings")
    # psycopg's own way to look for the type hstore.
    tell('SAVEPOINT "_pg3_1"')
    print(json.dumps({"session": SESSION, "text_starts": "SELECT\n    typname AS name, oid", "outcome": "success"}))
    tell('RELEASE "_pg3_1"')
    tell("ROLLBACK")


print(json.dumps({"version": f"{sqlalchemy.__version__} (psycopg {psycopg.__version__})"}))
engine = create_engine(
    "postgresql+psycopg://", connect_args={"application_name": f"{PREFIX} {SESSION}"}, pool_size=1, max_overflow=0
)
tell_first_connect()
listen(engine)
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Author(id=n, name=name) for n, name in ((1, "Ada"), (2, None), (3, ""))])
    session.flush()
    session.add(Book(id=1, title="100 % notes", author_id=1))
    session.commit()
    try:
        with session.begin_nested():
            session.add(Book(id=2, title="none", author_id=9))
            session.flush()
    except IntegrityError:
        pass
    with session.begin_nested():
        session.get(Author, 1).name = "Countess"
    session.commit()
    authors = session.scalars(select(Author).options(selectinload(Author.books)).order_by(Author.id)).all()
    assert [len(author.books) for author in authors] == [1, 0, 0]
    session.execute(select(Book.title).join(Author).where(Author.name == "Countess"))
Base.metadata.drop_all(engine)
engine.dispose()
