"""Who may sign in, and as what."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """One role per sign-in; what a role may open is declared at each route (`bekal.accounts.access`)."""

    PARTICIPANT = "participant", _("Participant")
    OFFICER = "officer", _("Programme officer")
    INSTITUTION = "institution", _("Training institution")
    AUDITOR = "auditor", _("Auditor")


class UserManager(BaseUserManager["User"]):
    def create_user(self, login_name: str, password: str | None, *, role: Role, **fields: Any) -> "User":
        user = self.model(login_name=login_name, role=role, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    login_name = models.CharField(_("user name"), max_length=150, unique=True)
    display_name = models.CharField(max_length=150)
    role = models.CharField(max_length=20, choices=Role.choices)
    language = models.CharField(max_length=2, default="id", choices=[("id", "Bahasa Indonesia"), ("en", "English")])
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)

    USERNAME_FIELD = "login_name"
    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="accounts_user_known_role"),
        ]

    def __str__(self) -> str:
        return self.display_name


class DeviceSighting(models.Model):
    """One browser that signed in as, or bought for, one user: by the keyed hash of a random number in its cookie.

    It says nothing about the device itself. Alarms look at who shares one; `forget_devices` deletes by a dated rule.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="devices", db_index=False)
    device_hash = models.BinaryField(max_length=32)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    sign_in_count = models.PositiveIntegerField()
    purchase_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "device_hash"], name="accounts_devicesighting_once"),
            models.CheckConstraint(
                condition=models.Q(last_seen_at__gte=models.F("first_seen_at")),
                name="accounts_devicesighting_last_after_first",
            ),
        ]
        indexes = [models.Index(fields=["device_hash"], name="device_shared")]
