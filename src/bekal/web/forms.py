"""What participants may send: parsed and bounded here, judged by the verbs."""

from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from bekal.core.text import shown, tidy
from bekal.engagement.questionnaires import Question, QuestionKind, Survey, Words
from bekal.incentives.complaint_models import Complaint
from bekal.participants.models import PaymentPartner
from bekal.recommender.made import MAX_PLANNED

REVIEW_LIMIT_COUNT = 2000
HOURS_LIMIT_COUNT = 999


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
        return _digits(self.cleaned_data["code"])


def _digits(text: str) -> str:
    """Digits however they were pasted."""
    return "".join(text.replace("-", "").split())


class AppealForm(forms.Form):
    """Why a hold is wrong, in the reader's words; the verb judges it."""

    text = forms.CharField(
        label=_("Why is it wrong?"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("At most 2,000 characters. Only the programme office reads it."),
        error_messages={"required": _("Write why you think that this is wrong.")},
    )


class ComplaintForm(forms.Form):
    """What is wrong with an instalment, and the reader's own words, which may be none; the verb judges them."""

    about = forms.ChoiceField(
        label=_("What is wrong?"),
        choices=[
            (Complaint.About.NOT_COME, _("The money has not come")),
            (Complaint.About.NOT_RIGHT, _("Something else is not right")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what is wrong."), "invalid_choice": _("Choose one from the list.")},
    )
    text = forms.CharField(
        label=_("In your own words"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("You can leave this empty. At most 1,000 characters. Only the programme office reads it."),
    )


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

    # Asked for only where another account is to take the place of one.
    code = forms.CharField(
        label=_("The 6 digits from the message"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "digits"}),
        error_messages={"max_length": _("The code has 6 digits. Type only the digits from the message.")},
    )

    def clean_number(self) -> str:
        return _digits(self.cleaned_data["number"])

    def clean_code(self) -> str:
        return _digits(self.cleaned_data["code"])


class LimitField(forms.IntegerField):
    """A whole number from 1 to a limit, or nothing; whatever else was written is named with its mend."""

    def __init__(self, *, label: Any, most: int) -> None:
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"})
        super().__init__(label=label, required=False, min_value=1, max_value=most, localize=False, widget=widget)

    def clean(self, value: Any) -> int | None:
        try:
            return super().clean(value)
        except forms.ValidationError:
            text = gettext("%(field)s: “%(value)s” is no limit. Write a whole number from 1 to %(most)s, or nothing.")
            values = {"field": self.label, "value": shown(str(value)), "most": self.max_value}
            raise forms.ValidationError(text % values) from None


class SpendingForm(forms.Form):
    """Limits of a plan, by the address; what cannot be read sets no limit."""

    count = LimitField(label=_("Trainings, at most"), most=MAX_PLANNED)
    hours = LimitField(label=_("Hours together, at most"), most=HOURS_LIMIT_COUNT)

    @property
    def limits(self) -> dict[str, int]:
        """What `spending_for` takes of it."""
        self.full_clean()
        return {f"max_{name}": value for name, value in self.cleaned_data.items() if value is not None}

    @property
    def query(self) -> str:
        """The limits as an address carries them, from its question mark to where more can follow."""
        return "?" + "".join(f"{name.removeprefix('max_')}={value}&" for name, value in self.limits.items())


def in_language(words: Words) -> str:
    """The text in the reader's language; Indonesian where there is none in it."""
    return words.get(get_language() or "id", words["id"])


class SurveyForm(forms.Form):
    """The questions of one survey that are put to this reader. What depends on another answer is asked with it, and its
    answer falls away where that other answer makes it needless. Each question left out is named."""

    def __init__(self, data: QueryDict | None, *, survey: Survey, has_completed: bool) -> None:
        super().__init__(data)
        self.survey, self.has_completed = survey, has_completed
        for question in survey.questions:
            if question.follows_question or question.is_asked({}, has_completed=has_completed):
                self.fields[question.code] = _field_of(question)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for question in self.survey.questions:
            if question.code not in self.fields:
                continue
            if not question.is_asked(data, has_completed=self.has_completed):
                data.pop(question.code, None)
                self.errors.pop(question.code, None)
            elif not data.get(question.code) and question.code not in self.errors:
                text = gettext("Answer the question “%(question)s”") % {"question": in_language(question.text)}
                self.add_error(question.code, text)
        return data

    @property
    def answers(self) -> dict[str, Any]:
        """What was answered, by question."""
        return {code: answer for code, answer in self.cleaned_data.items() if answer}


def _field_of(question: Question) -> forms.Field:
    choices = [(code, in_language(words)) for code, words in question.options.items()]
    label = in_language(question.text)
    errors = {"invalid_choice": gettext("Choose an answer from the list: “%(question)s”") % {"question": label}}
    if question.kind is QuestionKind.MULTIPLE:
        help_text = gettext("You may choose more than one.")
        widget = forms.CheckboxSelectMultiple()
        return forms.MultipleChoiceField(
            label=label, choices=choices, required=False, widget=widget, help_text=help_text, error_messages=errors
        )
    return forms.ChoiceField(
        label=label, choices=choices, required=False, widget=forms.RadioSelect(), error_messages=errors
    )
