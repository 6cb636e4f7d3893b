"""Web and worker, as a role of their own, do all that they have to and cannot erase the audit."""

import datetime as dt
import re

import psycopg
import pytest
from axes.models import AccessLog
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from booking import retention, verbs
from booking.models import Erasure
from members.models import Member
from queuesite import checks, database_roles, health
from tests import app_role
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user
from tests.pages import book

AUDIT = [
    "booking_erasure",
    "booking_profileswitch",
    "booking_seatevent",
    "booking_staffevent",
    "booking_ticketevent",
    "django_admin_log",
    "office_change",
]


@pytest.fixture
def app(db, settings):
    app_role.make()
    settings.DATABASE_APP_ROLE = app_role.ROLE
    return app_role


def histories() -> list[str]:
    return [m._meta.db_table for m in apps.get_models(include_auto_created=True) if m.__name__.startswith("Historical")]


def first_column(table: str) -> str:
    with connection.cursor() as cursor:
        return connection.introspection.get_table_description(cursor, table)[0].name


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as exc:
        assert isinstance(exc.__cause__, psycopg.errors.InsufficientPrivilege), exc
        return True
    return False


def test_events_and_histories_cannot_be_changed_deleted_or_emptied(app):
    tables = AUDIT + histories()
    assert len(histories()) >= 8
    columns = {table: first_column(table) for table in tables}
    with app.worn():
        for table in tables:
            assert refused(f"UPDATE {table} SET {columns[table]} = {columns[table]}"), table
            assert refused(f"DELETE FROM {table}"), table
            assert refused(f"TRUNCATE {table} CASCADE"), table


def test_no_table_can_be_emptied_dropped_or_left_without_its_triggers(app):
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    with app.worn():
        for table in tables:
            assert refused(f"TRUNCATE {table} CASCADE"), table
        for statement in (
            "ALTER TABLE booking_ticketevent DISABLE TRIGGER ALL",
            "DROP TABLE booking_ticketevent CASCADE",
            "DROP TRIGGER append_only ON booking_ticketevent",
            "CREATE TRIGGER mine BEFORE INSERT ON booking_ticketevent EXECUTE FUNCTION booking_is_never_emptied()",
            "CREATE TABLE public.mine (id integer)",
            "SET session_replication_role = replica",
            "SELECT booking_say_erased('member', 1, 1)",
            "INSERT INTO booking_erasure (at, what, count, role) VALUES (now(), 'x', 1, 'x')",
            "DELETE FROM auth_user",
            "DELETE FROM axes_accesslog",
            "UPDATE axes_accesslog SET username = ''",
            "DELETE FROM django_migrations",
        ):
            assert refused(statement), statement


def test_each_migrate_ends_with_what_the_role_may_do(app):
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT has_table_privilege('{app.ROLE}', 'booking_ticket', 'UPDATE')")
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db(transaction=True)
def test_it_holds_for_a_log_in_of_its_own(app):
    make_ticket()
    database_roles.grant()
    with app.log_in() as own:
        assert own.execute("SELECT count(*) FROM booking_ticketevent").fetchone() == (1,)
        for statement in ("TRUNCATE booking_ticketevent", "DELETE FROM booking_ticketevent", "SET ROLE queue"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                own.execute(statement)


def test_even_the_owner_cannot_empty_the_audit_by_mistake(app):
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        if cursor.fetchone()[0]:  # the tests' role may leave triggers out; the one of `app` may not, and owns nothing
            cursor.execute(f"GRANT TRUNCATE ON booking_ticketevent TO {app.ROLE}")
            cursor.execute(f"SET ROLE {app.ROLE}")
        with pytest.raises(Exception, match="booking_ticketevent is only ever added to"), transaction.atomic():
            cursor.execute("TRUNCATE booking_ticketevent")
        cursor.execute("RESET ROLE")


def test_a_member_books_and_is_called_and_served(app, client):
    department, member = make_open_department(), make_member()
    counter = make_counter(departments=[department])
    with app.worn():
        ticket = book(client, department, member=member)
        assert verbs.cancel(ticket=ticket, by=None).state == "cancelled"
        waiting = verbs.walk_in(department=department, by=counter.clerk)
        called = verbs.call_next(counter=counter, by=counter.clerk)
        assert called == waiting
        verbs.start(counter=counter, by=counter.clerk)
        assert verbs.finish(counter=counter, by=counter.clerk).state == "served"


def test_staff_sign_in_and_out_and_change_a_member(app, client):
    make_user(username="boss", is_superuser=True)
    with app.worn():
        member = make_member()
        form = {"username": "boss", "password": "a-long-password-2569"}
        client.post(reverse("admin:login"), form | {"password": "wrong"})
        client.post(reverse("admin:login"), form)
        assert "_auth_user_id" in client.session
        member.phone = "0811111111"
        member.save()
        assert member.history.count() == 2
        client.post(reverse("admin:logout"))
    assert AccessLog.objects.get().logout_time


def test_what_is_old_is_forgotten_and_that_is_written_down(app):
    member = make_member()
    old = timezone.now() - dt.timedelta(days=4000)
    Member.history.update(history_date=old)
    member.phone = "0822222222"
    member.save()
    AccessLog.objects.create(username="clerk", ip_address="192.0.2.1")
    AccessLog.objects.update(attempt_time=old)
    with app.worn():
        said = retention.forget_old()
    assert re.search("การเข้าสู่ระบบ 1 .*ประวัติสมาชิก 1 ", said)
    assert member.history.count() == 1
    assert set(Erasure.objects.values_list("what", "count", "by")) == {
        ("log_ins", 1, None),
        ("member_history", 1, None),
    }


def test_nothing_young_is_forgotten_whatever_is_asked_for(app):
    make_member().save()
    Member.history.update(history_date=dt.datetime.now(dt.UTC) - dt.timedelta(days=20))
    AccessLog.objects.create(username="clerk", ip_address="192.0.2.1")
    AccessLog.objects.update(attempt_time=dt.datetime.now(dt.UTC) - dt.timedelta(days=80))
    with app.worn(), connection.cursor() as cursor:
        cursor.execute("SELECT booking_forget_log_ins('infinity'), booking_forget_member_history('infinity')")
        assert cursor.fetchone() == (0, 0)
    assert not Erasure.objects.exists()


def test_a_member_is_erased_and_that_is_written_down(app):
    member, by = make_member(given_name="สมหญิง"), make_user()
    pk = member.pk
    LogEntry.objects.log_actions(by.pk, [member], 2, change_message="สมหญิง", single_object=True)
    with app.worn():
        verbs.erase_member(member=member, by=by)
    assert not Member.history.filter(id=pk).exists()
    assert list(LogEntry.objects.values_list("object_repr", "change_message")) == [("-", "")]
    assert [(one.what, one.member_id, one.by) for one in Erasure.objects.all()] == [("member", pk, by)]


def test_who_is_still_a_member_keeps_the_history(app):
    member = make_member()
    with app.worn(), pytest.raises(Exception, match="still a member"), transaction.atomic():
        connection.cursor().execute("SELECT booking_forget_member(%s)", [member.pk])
    assert member.history.exists()


def test_a_role_that_is_missing_or_the_owner_is_refused_in_a_sentence(app, settings):
    settings.DATABASE_APP_ROLE = "nobody_of_this_name"
    with pytest.raises(ImproperlyConfigured, match="has not got"):
        database_roles.grant()
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolsuper ORDER BY rolname = current_user LIMIT 1")
        (settings.DATABASE_APP_ROLE,) = cursor.fetchone()
    if connection.settings_dict["USER"] == settings.DATABASE_APP_ROLE:
        pytest.skip("the tests' role is the only superuser")
    with pytest.raises(ImproperlyConfigured, match="may act as the owner"):
        database_roles.grant()


def test_the_check_tells_a_role_that_could_erase(app, settings):
    def warned():
        return [one.id for one in checks.check_the_role_cannot_erase(None, databases=["default"])]

    assert warned() == ["queuesite.W003"]
    with app.worn():
        assert warned() == []
    settings.DATABASE_APP_ROLE = ""
    assert [one.id for one in checks.check_the_audit_is_kept(None)] == ["queuesite.W002"]


def test_the_role_does_not_begin_to_migrate(app, monkeypatch):
    def said():
        return [one.id for one in checks.check_owner_migrates(None, databases=["default"])]

    with app.worn():
        assert said() == []
        monkeypatch.setattr(health, "unapplied_migrations", lambda: 1)
        assert said() == ["queuesite.E007"]
    assert said() == []


def test_before_the_owner_has_granted_anything_it_is_a_sentence(app, settings):
    """Also where the role is not named, and where nothing has been migrated yet."""
    database_roles.grant()
    for named in (app_role.ROLE, ""):
        settings.DATABASE_APP_ROLE = named
        for taken in (
            f"ALL ON django_migrations FROM {app_role.ROLE}",
            f"ALL ON SCHEMA public FROM {app_role.ROLE}, PUBLIC",
        ):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"REVOKE {taken}")
                cursor.execute(f"SET LOCAL ROLE {app_role.ROLE}")
                found = run_checks(tags=[Tags.database], databases=["default"])
                assert [one.id for one in found] == ["queuesite.E007"], taken
                assert app_role.ROLE in found[0].msg
                transaction.set_rollback(True)
