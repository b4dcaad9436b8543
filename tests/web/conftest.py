"""A visitor without a browser: signs in, opens pages, reads what they say."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from bekal.accounts.models import User
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from tests import factories

TAG = re.compile(r"<[^>]+>")


class Visitor(Client):
    """Django's test client with the pages' addresses by name and their text as people read it."""

    def open(self, name: str, *args: Any, query: str = "", expect: int = 200) -> str:
        """The HTML of a page by its url name."""
        return self._answer(self.get(reverse(f"web:{name}", args=args) + query), expect)

    def send(self, name: str, *args: Any, expect: int = 200, **fields: Any) -> str:
        """Send a form and follow to where it leads."""
        return self._answer(self.post(reverse(f"web:{name}", args=args), fields, follow=True), expect)

    def speak(self, language: str) -> "Visitor":
        self.cookies[settings.LANGUAGE_COOKIE_NAME] = language
        return self

    def _answer(self, response: Any, expect: int) -> str:
        assert response.status_code == expect, f"{response.status_code} {response.request['PATH_INFO']}"
        self.last = response
        return response.content.decode()


def text_of(page: str) -> str:
    """What a page says, without its tags, blanks tidied."""
    return " ".join(html.unescape(TAG.sub(" ", page)).split())


@pytest.fixture
def visitor(db: None) -> Visitor:
    """Nobody: not signed in."""
    return Visitor()


@pytest.fixture
def sign_in(db: None) -> Callable[[int | User], Visitor]:
    """`sign_in(participation_id)` or `sign_in(user)` is a visitor who is signed in."""

    def signed_in(who: int | User) -> Visitor:
        visitor = Visitor()
        visitor.force_login(factories.signed_in_participant(who) if isinstance(who, int) else who)
        return visitor

    return signed_in


def newest_code(participation_id: int) -> str:
    """The six digits of the newest message to a participant."""
    holder_id = Participation.objects.get(pk=participation_id).participant_id
    found = re.search(r"\b\d{6}\b", messages_to(holder_id=holder_id)[0].body)
    assert found
    return found[0]
