"""What participants may send: parsed and bounded here, judged by the verbs."""

from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from bekal.core.text import tidy
from bekal.participants.models import PaymentPartner

REVIEW_LIMIT_COUNT = 2000


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: an empty POST counts as sent."""
    return request.POST if request.method == "POST" else None


class SignInForm(forms.Form):
    login_name = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": _("Type your user name.")},
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Type your password.")},
    )


class CodeForm(forms.Form):
    """The six digits, however they were pasted: blanks and dashes fall away."""

    code = forms.CharField(
        label=_("The 6 digits from the message"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "digits", "autofocus": True}
        ),
        error_messages={
            "required": _("Type the 6 digits from the message."),
            "max_length": _("The code has 6 digits. Type only the digits from the message."),
        },
    )

    def clean_code(self) -> str:
        return "".join(self.cleaned_data["code"].replace("-", "").split())


class ReviewForm(forms.Form):
    rating = forms.TypedChoiceField(
        label=_("How good was this training?"),
        coerce=int,
        choices=[(5, _("Very good")), (4, _("Good")), (3, _("Fair")), (2, _("Poor")), (1, _("Very poor"))],
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose 1, 2, 3, 4 or 5 stars."),
            "invalid_choice": _("Choose 1, 2, 3, 4 or 5 stars."),
        },
    )
    text = forms.CharField(
        label=_("Your review"),
        help_text=_(
            "What did you learn? Would you take it again? Others read this when they choose. "
            "No names or numbers, please."
        ),
        max_length=REVIEW_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 5, "data-left": "left"}),
        error_messages={
            "required": _("Write at least one sentence."),
            "max_length": _("The review has %(show_value)s characters; at most %(limit_value)s fit. Shorten it."),
        },
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "text" in data:
            data["text"] = tidy(data["text"])
        return data


class PayoutAccountForm(forms.Form):
    partner = forms.ChoiceField(
        label=_("Bank or wallet"),
        choices=PaymentPartner.choices,
        error_messages={"required": _("Choose a bank or a wallet."), "invalid_choice": _("Choose one from the list.")},
    )
    number = forms.CharField(
        label=_("Account number or wallet number"),
        help_text=_("Digits only. For a wallet this is its phone number."),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": _("Type the number of the account."), "max_length": _("This number is too long.")},
    )
    holder_name = forms.CharField(
        label=_("Name of the account's owner"),
        help_text=_("It must be your own name, as on your identity card. Nobody else can receive your incentive."),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Type the owner's name."), "max_length": _("This name is too long.")},
    )

    def clean_number(self) -> str:
        return "".join(self.cleaned_data["number"].replace("-", "").split())
