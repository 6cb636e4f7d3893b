from django.conf import settings
from django.db import migrations, models

# Who may set session_replication_role runs no trigger anyway: the tests' role, which empties tables.
FORBID = """
CREATE FUNCTION booking_is_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT has_parameter_privilege('session_replication_role', 'SET') THEN
        RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""
ALLOW = "DROP FUNCTION booking_is_never_emptied();"

KEPT = [
    "booking_ticketevent",
    "booking_seatevent",
    "booking_staffevent",
    "booking_profileswitch",
    "booking_erasure",
    "office_change",
    "django_admin_log",
    "members_historicalmember",
]

# They run as the role that made them, the tables' owner. Each keeps the shortest time that the office can set
# (office/settings.py) whatever it is asked, and says in booking_erasure what it deleted.
FUNCTIONS = """
CREATE FUNCTION booking_say_erased(what text, member_id bigint, count integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO booking_erasure (at, what, member_id, count, role) VALUES (now(), what, member_id, count, session_user)
$$;

CREATE FUNCTION booking_forget_log_ins(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE deleted integer;
BEGIN
    DELETE FROM axes_accesslog WHERE attempt_time < least(before, now() - interval '90 days');
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted > 0 THEN
        PERFORM booking_say_erased('log_ins', NULL, deleted);
    END IF;
    RETURN deleted;
END $$;

CREATE FUNCTION booking_forget_member_history(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE deleted integer;
BEGIN
    -- The newest change of somebody who is still a member stays: it says how what is there came about.
    DELETE FROM members_historicalmember old
    WHERE history_date < least(before, now() - interval '30 days') AND (
        NOT EXISTS (SELECT FROM members_member WHERE id = old.id)
        OR EXISTS (SELECT FROM members_historicalmember later
                   WHERE later.id = old.id AND later.history_date > old.history_date)
    );
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF deleted > 0 THEN
        PERFORM booking_say_erased('member_history', NULL, deleted);
    END IF;
    RETURN deleted;
END $$;

CREATE FUNCTION booking_forget_member(member bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE deleted integer;
BEGIN
    IF EXISTS (SELECT FROM members_member WHERE id = member) THEN
        RAISE EXCEPTION 'this is still a member';
    END IF;
    DELETE FROM members_historicalmember WHERE id = member;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    -- Django's log names who was changed; whom it was done to is no more.
    UPDATE django_admin_log SET object_repr = '-', change_message = ''
    WHERE object_id = member::text AND content_type_id = (
        SELECT id FROM django_content_type WHERE app_label = 'members' AND model = 'member'
    );
    PERFORM booking_say_erased('member', member, deleted);
    RETURN deleted;
END $$;
"""
NO_FUNCTIONS = """
DROP FUNCTION booking_forget_member(bigint);
DROP FUNCTION booking_forget_member_history(timestamptz);
DROP FUNCTION booking_forget_log_ins(timestamptz);
DROP FUNCTION booking_say_erased(text, bigint, integer);
"""


def _each(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION booking_is_never_emptied();",
        f"DROP TRIGGER never_emptied ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("booking", "0046_waiting_in_use"),
        ("members", "0014_messages_to_carers"),
        ("office", "0001_settings_of_the_office"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("axes", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="เมื่อ")),
                ("what", models.CharField(max_length=20, verbose_name="สิ่งที่ลบ")),
                ("member_id", models.BigIntegerField(blank=True, null=True)),
                ("count", models.PositiveIntegerField(verbose_name="จำนวน")),
                ("role", models.CharField(max_length=63)),
            ],
            options={
                "verbose_name": "การลบประวัติ",
                "verbose_name_plural": "การลบประวัติ",
                "ordering": ["-id"],
            },
        ),
        migrations.RunSQL(
            """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON booking_erasure
            FOR EACH ROW EXECUTE FUNCTION booking_ticketevent_is_append_only();""",
            "DROP TRIGGER append_only ON booking_erasure;",
        ),
        migrations.RunSQL(FORBID, ALLOW),
        *[_each(table) for table in KEPT],
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
    ]
