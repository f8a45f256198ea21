"""The library in Django's ORM: autocommit unless a view says atomic, literals in the texts."""

from __future__ import annotations

from random import Random
from typing import Any

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from tests.corpus.views import IDENTICAL, N_PLUS_ONE, ROW_BY_ROW, Views, consume


def django_views(dsn: str) -> Views:
    """The views; Django's settings can be given once per process."""
    parts = conninfo_to_dict(dsn)
    settings.configure(
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"],
                "CONN_MAX_AGE": None,
            }
        },
        USE_TZ=True,
        INSTALLED_APPS=["tests.corpus.library"],
    )  # fmt: skip
    django.setup()
    from django.db import OperationalError, connection, connections, transaction
    from django.db.models import Count, Prefetch

    from tests.corpus.library.models import (
        Author,
        Book,
        Category,
        Event,
        Job,
        Note,
        Publisher,
        Reader,
        Review,
        Setting,
        Tag,
        WebSession,
    )  # fmt: skip

    views = Views("django", connections.close_all)

    @views.found((N_PLUS_ONE, "author"))
    def foreign_key_in_a_loop(choice: Random) -> None:
        for found in Book.objects.order_by("title")[: choice.randint(12, 25)]:
            assert found.author.name

    @views.found((N_PLUS_ONE, "book"))
    def reverse_relation_in_a_loop(choice: Random) -> None:
        for found in Author.objects.filter(country=choice.choice(["IS", "NO", "PT"])):
            consume(found.books.all())

    @views.found((N_PLUS_ONE, "tag"))
    def many_to_many_in_a_loop(choice: Random) -> None:
        for found in Book.objects.filter(year=choice.randint(1950, 2000)).order_by("id"):
            consume(found.tags.all())
        for found in Book.objects.filter(year=choice.randint(1950, 2000)).order_by("id"):
            consume(found.tags.all())

    @views.found((N_PLUS_ONE, "review"))
    def count_per_row(choice: Random) -> None:
        for found in Book.objects.filter(publisher_id=choice.randint(1, 25)):
            assert found.reviews.count() >= 0

    @views.found((N_PLUS_ONE, "review"))
    def exists_per_row(choice: Random) -> None:
        for found in Reader.objects.filter(id__lt=choice.randint(12, 20)):
            found.reviews.filter(stars=5).exists()

    @views.found((N_PLUS_ONE, "book"), (N_PLUS_ONE, "publisher"))
    def nested(choice: Random) -> None:
        start = choice.randint(1, 40)
        for found in Author.objects.filter(id__range=(start, start + 6)):
            for written in found.books.all():
                assert written.publisher.name

    @views.found((N_PLUS_ONE, "book"), (N_PLUS_ONE, "author"), (N_PLUS_ONE, "reader"))
    def polymorphic(choice: Random) -> None:
        models_by_type = {"book": Book, "author": Author, "reader": Reader}
        start = choice.randint(1, 200)
        for found in Note.objects.filter(id__range=(start, start + 29)):
            models_by_type[found.target_type].objects.get(pk=found.target_id)

    @views.found((ROW_BY_ROW, "tag"))
    def get_or_create_in_a_loop(choice: Random) -> None:
        for _ in range(choice.randint(12, 15)):
            Tag.objects.get_or_create(name=f"new {choice.getrandbits(64)}")

    @views.found((ROW_BY_ROW, "book"))
    def save_in_a_loop(choice: Random) -> None:
        for found in Book.objects.filter(author_id__in=[choice.randint(1, 60), 7, 8]):
            found.pages += 1
            found.save()

    @views.found((ROW_BY_ROW, "event"))
    def create_in_a_loop(choice: Random) -> None:
        for at in range(choice.randint(15, 30)):
            Event.objects.create(kind="seen", payload=str(at))

    @views.found((ROW_BY_ROW, "setting"))
    def update_or_create_in_a_loop(choice: Random) -> None:
        for at in range(choice.randint(12, 18)):
            Setting.objects.update_or_create(id=100 + at, defaults={"name": f"n{at}", "value": "v"})

    @views.found((IDENTICAL, "setting"))
    def setting_read_for_every_row(_: Random) -> None:
        with transaction.atomic():
            for _found in Book.objects.order_by("id")[:15]:
                Setting.objects.get(pk=1)

    @views.found((N_PLUS_ONE, "category"))
    def tree_walked_down(choice: Random) -> None:
        def walk(nodes: Any) -> None:
            for node in nodes:
                walk(node.children.all())

        walk(Category.objects.filter(id=choice.randint(1, 4)))

    @views.silent
    def select_related(choice: Random) -> None:
        for found in Book.objects.select_related("author")[: choice.randint(12, 25)]:
            assert found.author.name

    @views.silent
    def prefetch_related(choice: Random) -> None:
        found = Author.objects.filter(country=choice.choice(["IS", "NO"]))
        consume(found.prefetch_related(Prefetch("books", Book.objects.prefetch_related("tags"))))

    @views.silent
    def chunked_in_lists(_: Random) -> None:
        wanted = list(range(1, 200))
        for start in range(0, 200, 20):
            consume(Book.objects.filter(id__in=wanted[start : start + 20]))

    @views.silent
    def offset_pages(_: Random) -> None:
        for page in range(12):
            consume(Reader.objects.order_by("id")[page * 10 : page * 10 + 10])

    @views.silent
    def keyset_pages(_: Random) -> None:
        last = 0
        while rows := list(Review.objects.filter(id__gt=last).order_by("id")[:200]):
            last = rows[-1].id

    @views.silent
    def reader_once_per_request(choice: Random) -> None:
        web = WebSession.objects.get(key=f"key{choice.randint(1, 200)}")
        assert web.reader.name
        consume(web.reader.reviews.all()[:5])

    @views.silent
    def reader_page(choice: Random) -> None:
        found = Reader.objects.get(pk=choice.randint(1, 200))
        consume(Review.objects.select_related("book").filter(reader=found))

    @views.silent
    def book_page(choice: Random) -> None:
        found = Book.objects.get(pk=choice.randint(1, 400))
        assert found.author.name
        assert found.publisher.name
        consume(found.tags.all())

    @views.silent
    def health_check(_: Random) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    @views.silent
    def polling(_: Random) -> None:
        consume(Job.objects.filter(state="waiting").order_by("id")[:1])

    @views.silent
    def dashboard(_: Random) -> None:
        for state in ("waiting", "running", "done", "failed", "late", "lost"):
            Job.objects.filter(state=state).count()

    @views.silent
    def bulk_create(_: Random) -> None:
        for _batch in range(6):
            Event.objects.bulk_create([Event(kind="bulk", payload=str(at)) for at in range(50)])

    @views.silent
    def server_side_cursor(_: Random) -> None:
        consume(Review.objects.iterator(chunk_size=100))

    @views.silent
    def aggregated(_: Random) -> None:
        consume(Author.objects.annotate(number=Count("books"))[:20])

    @views.silent
    def retried_transaction(choice: Random) -> None:
        key = choice.randint(1, 60)
        for attempt in range(6):
            try:
                with transaction.atomic():
                    Author.objects.get(pk=key)
                    if attempt < 5:
                        with connection.cursor() as cursor:
                            cursor.execute("DO $$ BEGIN RAISE serialization_failure; END $$")
            except OperationalError:
                continue

    @views.silent
    def setting_once_per_request(choice: Random) -> None:
        Setting.objects.get(pk=1)
        consume(Publisher.objects.filter(id__lt=choice.randint(3, 20)))

    @views.silent
    def event_recorded_per_request(choice: Random) -> None:
        Reader.objects.get(pk=choice.randint(1, 200))
        Event.objects.create(kind="visit", payload=str(choice.random()))

    return views
