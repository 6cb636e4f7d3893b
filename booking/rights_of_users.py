"""Which rights a member of staff has, asked of the database once for each request."""

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied

from booking import prepared

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
    """Django's own backend asks twice: for the rights of the user, and for those of the user's roles. It stays in the
    settings, and signs staff in; for rights this one comes before it."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        return None

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
