"""The library's relations as Django models, on tables that the schema made."""

from __future__ import annotations

from django.db import models


class Table(models.Model):
    class Meta:
        abstract = True
        managed = False
        app_label = "library"


class Publisher(Table):
    name = models.TextField()

    class Meta(Table.Meta):
        db_table = "publisher"


class Author(Table):
    name = models.TextField()
    country = models.TextField()

    class Meta(Table.Meta):
        db_table = "author"


class Tag(Table):
    name = models.TextField(unique=True)

    class Meta(Table.Meta):
        db_table = "tag"


class Book(Table):
    title = models.TextField()
    year = models.IntegerField()
    pages = models.IntegerField()
    author = models.ForeignKey("Author", models.CASCADE, related_name="books")
    publisher = models.ForeignKey("Publisher", models.CASCADE, related_name="books")
    tags = models.ManyToManyField("Tag", through="BookTag", related_name="books")

    class Meta(Table.Meta):
        db_table = "book"


class BookTag(Table):
    book = models.ForeignKey("Book", models.CASCADE, related_name="+")
    tag = models.ForeignKey("Tag", models.CASCADE, related_name="+")

    class Meta(Table.Meta):
        db_table = "book_tag"


class Reader(Table):
    name = models.TextField()
    email = models.TextField()

    class Meta(Table.Meta):
        db_table = "reader"


class Review(Table):
    book = models.ForeignKey("Book", models.CASCADE, related_name="reviews")
    reader = models.ForeignKey("Reader", models.CASCADE, related_name="reviews")
    stars = models.IntegerField()
    body = models.TextField()

    class Meta(Table.Meta):
        db_table = "review"


class Note(Table):
    target_type = models.TextField()
    target_id = models.IntegerField()
    body = models.TextField()

    class Meta(Table.Meta):
        db_table = "note"


class WebSession(Table):
    key = models.TextField(primary_key=True)
    reader = models.ForeignKey("Reader", models.CASCADE, related_name="+")
    data = models.TextField()

    class Meta(Table.Meta):
        db_table = "web_session"


class Setting(Table):
    name = models.TextField()
    value = models.TextField()

    class Meta(Table.Meta):
        db_table = "setting"


class Job(Table):
    state = models.TextField()
    payload = models.TextField()

    class Meta(Table.Meta):
        db_table = "job"


class Event(Table):
    kind = models.TextField()
    payload = models.TextField()

    class Meta(Table.Meta):
        db_table = "event"


class Category(Table):
    name = models.TextField()
    parent = models.ForeignKey("self", models.CASCADE, related_name="children", null=True)

    class Meta(Table.Meta):
        db_table = "category"
