"""Who is signed in as staff and which rights they have, each asked of the database once for each request."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from booking import prepared
from booking.kept import kept

# Of the user, and of the user's roles. Each request of staff asks, consoles each second.
RIGHTS = """
SELECT DISTINCT kind.app_label || '.' || permission.codename
  FROM auth_permission permission JOIN django_content_type kind ON kind.id = permission.content_type_id
 WHERE permission.id IN (SELECT permission_id FROM auth_user_user_permissions WHERE user_id = %(user)s
                         UNION ALL
                         SELECT permission_id FROM auth_group_permissions
                          WHERE group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = %(user)s))
"""


class InOneQuery(ModelBackend):
    """Signs staff in as Django's own backend does, which asks twice: for the rights of the user, and for those of the
    user's roles. Django's stays in the settings for those whom it has signed in."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        """Raises PermissionDenied for a wrong password: Django's own backend would only hash it once more."""
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None:
            raise PermissionDenied
        return user

    def get_user(self, user_id):
        user = next(iter(_users(pk=user_id)), None)
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj, obj=None):
        if not user_obj.is_active or user_obj.is_anonymous or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_perm_cache"):  # where Django's backend looks as well
            user_obj._perm_cache = {right for (right,) in prepared.rows(RIGHTS, {"user": user_obj.pk})}
        return user_obj._perm_cache

    def has_perm(self, user_obj, perm, obj=None):
        """Raises PermissionDenied in place of answering no: the backends that follow need not be asked."""
        if super().has_perm(user_obj, perm, obj):
            return True
        raise PermissionDenied


@kept
def _users(*, pk):
    return User.objects.filter(pk=pk).order_by()
