"""The protocol against a real server: every login, every kind of row, Prisma's lock."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.support.postgres import BIN, PASSWORD, Postgres
from tests.support.site import until
from turnout_host.calls.databases import told
from turnout_host.databases.look import look
from turnout_host.databases.postgres import Refused, Session, address

pytestmark = pytest.mark.skipif(not BIN, reason="needs PostgreSQL: apt-get install postgresql")

LEFT = "SELECT pg_advisory_lock(72707369), pg_sleep(600)"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    made = Postgres()
    try:
        yield made
    finally:
        made.stop()


def url(server: Postgres, user: str = "owner", password: str = PASSWORD, database: str = "postgres") -> str:
    return f"postgresql://{user}:{password}@127.0.0.1:{server.port}/{database}"


def test_rows_are_text_and_null_is_none(server: Postgres) -> None:
    """Several questions on one link; an error does not end it."""
    with Session(address(url(server))) as session:
        assert session.rows("SELECT 1, NULL, 'ä', repeat('x', 100000)") == [["1", None, "ä", "x" * 100000]]
        with pytest.raises(Refused) as refused:
            session.rows("SELECT nothing")
        assert refused.value.code == "42703"
        assert session.rows("SELECT 2 WHERE false") == []


def test_a_login_by_md5(server: Postgres) -> None:
    """Older servers keep passwords so."""
    server.sql("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'p w'")
    rules = server.folder / "data/pg_hba.conf"
    rules.write_text("host all old 127.0.0.1/32 md5\n" + rules.read_text())
    server.sql("SELECT pg_reload_conf()")
    until(lambda: server.sql("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'md5'") == "1")
    with Session(address(url(server, "old", "p%20w"))) as session:
        assert session.rows("SELECT current_user") == [["old"]]


@pytest.mark.parametrize(
    "change,part",
    [({"password": "wrong-one"}, "refused the login"), ({"user": "nobody-there"}, "refused the login")],
)
def test_a_wrong_login_is_a_fault(server: Postgres, change: dict[str, str], part: str) -> None:
    """With what the server said, without the password."""
    found = look({"URL": url(server, **change)}, ["URL"])
    assert part in found["fault"]["message"]
    assert "wrong-one" not in str(found)


def test_a_database_that_is_not_there_is_for_prisma_to_make(server: Postgres) -> None:
    """No fault, but it is told."""
    found = look({"URL": url(server, database="none")}, ["URL"])
    assert (found["asked"], found["exists"], found["fault"]) == (True, False, None)


def test_the_holder_of_prismas_lock_is_named(server: Postgres) -> None:
    """Of this database only; another advisory lock is no matter."""
    assert BIN
    assert look({"URL": url(server)}, ["URL"])["lock"] is None
    sql = LEFT
    words = [str(BIN / "psql"), "-Xqd", url(server) + "?application_name=left", "-c", sql]
    holder = subprocess.Popen(words)
    try:
        until(lambda: look({"URL": url(server)}, ["URL"])["lock"])
        lock = look({"URL": url(server)}, ["URL"])["lock"]
        assert (lock["user"], lock["application"], lock["client"], lock["query"]) == (
            "owner",
            "left",
            "127.0.0.1",
            sql,
        )
        assert look({"URL": url(server, database="template1")}, ["URL"])["lock"] is None
        server.sql(f"SELECT pg_terminate_backend({lock['pid']})")
        holder.wait(20)
    finally:
        holder.kill()
        holder.wait()
    assert look({"URL": url(server)}, ["URL"])["lock"] is None


def test_what_another_user_may_not_see_is_left_out(server: Postgres) -> None:
    """The app's own role is no superuser: of the owner's session it sees little more than the pid."""
    assert BIN
    server.sql("CREATE ROLE app LOGIN PASSWORD 'app-login'")
    holder = subprocess.Popen([str(BIN / "psql"), "-Xqd", url(server), "-c", LEFT])
    try:
        until(lambda: look({"URL": url(server)}, ["URL"])["lock"])
        lock = look({"URL": url(server, "app", "app-login")}, ["URL"])["lock"]
        assert str(lock["pid"]) in told(lock)
        assert "owner" in told(lock)
    finally:
        holder.kill()
        holder.wait()
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


def test_something_else_that_answers_cannot_be_asked() -> None:
    """A port that speaks otherwise is no fault of the database: Prisma will tell."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer() -> None:
            link, _ = other.accept()
            with link:
                link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                link.recv(1 << 16)

        thread = threading.Thread(target=answer)
        thread.start()
        found = look({"URL": f"postgresql://u:hunter2@127.0.0.1:{port}/db"}, ["URL"])
        thread.join(20)
    assert (found["asked"], found["fault"]) == (False, None)
    assert "hunter2" not in str(found)


def test_rows_of_prismas_table_in_another_schema(server: Postgres) -> None:
    """`?schema=` of the address counts, odd names too."""
    name = 'odd "name'
    server.sql("""CREATE SCHEMA "odd ""name"; CREATE TABLE "odd ""name"._prisma_migrations
        (migration_name text, finished_at timestamptz, rolled_back_at timestamptz, started_at timestamptz, logs text);
        INSERT INTO "odd ""name"._prisma_migrations VALUES ('m1', now(), NULL, now(), NULL),
        ('m2', NULL, NULL, now(), 'why')""")
    found = look({"URL": f"{url(server)}?schema={name.replace(' ', '%20')}"}, ["URL"])
    assert (found["applied"], [one["name"] for one in found["failed"]]) == (["m1"], ["m2"])
    assert look({"URL": url(server)}, ["URL"])["applied"] == []
