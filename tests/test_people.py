"""The people of the office: managers add, reset, switch off; nobody above their own rights; all of it is kept."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import Error, connection, transaction
from django.test import Client
from django.urls import reverse

from booking import roles, verbs
from booking.models import Counter, SeatEvent, StaffDepartment, StaffEvent
from tests.factories import make_counter, make_open_department, make_user, make_walk_in

pytestmark = pytest.mark.django_db

User = get_user_model()
NEW = "a-new-password-2569"


@pytest.fixture
def manager(client):
    user = make_user(username="somying", group=roles.MANAGER)
    client.force_login(user)
    return user


def role(name) -> int:
    return Group.objects.get(name=name).pk


def add(client, name="malee", *, groups=(roles.CLERK,), departments=(), **fields):
    values = {"username": name, "first_name": "มาลี", "last_name": "", "is_active": "on"}
    values |= {"groups": [role(one) for one in groups], "departments": [one.pk for one in departments]} | fields
    return client.post(reverse("admin:auth_user_add"), values)


def change(client, user, **fields):
    values = {"username": user.username, "first_name": user.first_name, "last_name": "", "is_active": "on"}
    values |= {"groups": [one.pk for one in user.groups.all()]} | fields
    values |= {"staff_events-TOTAL_FORMS": 0, "staff_events-INITIAL_FORMS": 0}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), values)


def kept(user) -> list[tuple[str, str]]:
    return list(StaffEvent.objects.filter(user=user).order_by("id").values_list("what", "detail"))


def test_a_manager_adds_a_clerk_who_sets_a_password_by_a_link_that_works_once(client, manager):
    department = make_open_department(name="ฝ่ายสินเชื่อ")
    answer = add(client, departments=[department])
    malee = User.objects.get(username="malee")
    assert answer["Location"] == reverse("admin:auth_user_link", args=[malee.pk])
    assert not malee.has_usable_password()
    assert malee.has_perm("booking.serve_at_counter")
    assert StaffDepartment.objects.get(user=malee).department == department

    page = client.post(answer["Location"])
    link = re.search(r">(http[^<]+)<", page.text)[1]
    address, code = link.split("#")
    assert address.endswith(reverse("set_password"))
    assert code not in address
    form = {"code": code, "new_password1": NEW, "new_password2": NEW}
    assert Client().post(reverse("set_password"), form)["Location"] == reverse("admin:login")
    assert Client().post(reverse("set_password"), form).status_code == 422  # used
    malee.refresh_from_db()
    assert malee.check_password(NEW)
    assert [what for what, _detail in kept(malee)] == ["added", "roles", "departments", "link", "password"]
    assert kept(malee)[1][1] == f"- → {roles.CLERK}"


@pytest.mark.parametrize("code", ["", "x", "MQ.x", "!!.a", "OTk5OTk5OTk5OTk5OTk5.a-b", "ก.ข", "MQ." + "9" * 150])
def test_another_code_sets_no_password(client, code):
    form = {"code": code, "new_password1": NEW, "new_password2": NEW}
    answer = client.post(reverse("set_password"), form)
    assert answer.status_code == 422
    assert "ขอลิงก์ใหม่จากผู้จัดการ" in answer.text


def test_a_weak_password_is_refused_and_the_link_stays_good(client):
    from booking import sign_in

    code = sign_in.password_code(make_user())
    weak = client.post(reverse("set_password"), {"code": code, "new_password1": "1234", "new_password2": "1234"})
    assert weak.status_code == 422
    assert code in weak.text
    assert (
        client.post(reverse("set_password"), {"code": code, "new_password1": NEW, "new_password2": NEW}).status_code
        == 302
    )


def test_a_manager_gives_the_roles_below_and_no_more_rights_than_their_own(client, manager):
    strong = Group.objects.create(name="ทุกสิทธิ์")
    strong.permissions.set(roles._permissions(["auth.delete_user"]))

    refused = add(client, groups=["ทุกสิทธิ์"])

    assert refused.status_code == 200  # the form again
    assert not User.objects.filter(username="malee").exists()
    for name in roles.ROLES:
        assert add(client, f"user-{role(name)}", groups=[name]).status_code == 302


@pytest.mark.parametrize("whom", ["a superuser", "a superuser switched off", "themselves", "somebody of more rights"])
def test_nobody_changes_or_resets_above_their_own_rights(client, manager, whom):
    strong = Group.objects.create(name="ทุกสิทธิ์")
    strong.permissions.set(roles._permissions(["auth.delete_user"]))
    user = {
        "a superuser": lambda: make_user(is_superuser=True),
        "a superuser switched off": lambda: make_user(is_superuser=True, is_active=False),
        "themselves": lambda: manager,
        "somebody of more rights": lambda: make_user(group="ทุกสิทธิ์"),
    }[whom]()
    assert change(client, user, first_name="อื่น", is_active="").status_code == 403
    for act in ("link", "unlock", "reset_factor"):
        assert client.post(reverse(f"admin:auth_user_{act}", args=[user.pk])).status_code == 403
    user.refresh_from_db()
    assert user.first_name != "อื่น"
    assert not StaffEvent.objects.exists()


def test_who_is_switched_off_is_out_and_never_deleted(client, manager):
    malee = make_user(username="malee", group=roles.CLERK)
    session = Client()
    session.force_login(malee)
    assert session.get(reverse("counters")).status_code == 200

    change(client, malee, is_active="")

    assert session.get(reverse("counters")).status_code == 302
    assert kept(malee) == [("switched_off", "")]
    delete = reverse("admin:auth_user_delete", args=[malee.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    client.force_login(make_user(is_superuser=True))
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_who_is_switched_off_sits_nowhere_and_their_ticket_waits_where_it_stood(client, manager):
    malee, department = make_user(username="malee", group=roles.CLERK), make_open_department()
    counter = make_counter(departments=[department], clerk=malee)
    waiting = make_walk_in(department=department, by=manager)
    verbs.call_next(counter=counter, by=malee)

    change(client, malee, first_name="มาลี")
    assert Counter.objects.get().clerk == malee, "another change leaves them where they are"
    change(client, malee, is_active="")

    assert Counter.objects.get().clerk is None
    waiting.refresh_from_db()
    assert (waiting.state, waiting.counter) == ("waiting", None)
    event = SeatEvent.objects.latest("pk")
    assert (event.kind, event.clerk, event.by) == (SeatEvent.Kind.FREED, malee, manager)


def test_who_loses_a_department_leaves_the_counter_that_serves_it(client, manager):
    malee, ours, other = make_user(username="malee", group=roles.CLERK), make_open_department(), make_open_department()
    make_counter(departments=[ours], clerk=malee)
    change(client, malee, departments=[ours.pk])
    assert Counter.objects.get().clerk == malee
    change(client, malee, departments=[other.pk])
    assert Counter.objects.get().clerk is None


def test_who_is_locked_out_is_let_in_again(client, manager, settings):
    malee = make_user(username="malee", group=roles.CLERK, password=NEW)
    login, door = reverse("admin:login"), Client()
    for _ in range(settings.LOGIN_FAILURE_LIMIT):
        door.post(login, {"username": "malee", "password": "wrong"})
    assert door.post(login, {"username": "malee", "password": NEW}).status_code == 429

    client.post(reverse("admin:auth_user_unlock", args=[malee.pk]))

    assert door.post(login, {"username": "malee", "password": NEW}).status_code == 302
    assert kept(malee) == [("unlocked", "")]


def test_a_change_of_a_roles_rights_is_kept(client):
    root = make_user(is_superuser=True)
    client.force_login(root)
    kiosk = Group.objects.get(name=roles.KIOSK)
    right = roles._permissions(["booking.cancel_ticket"])[0]

    client.post(
        reverse("admin:auth_group_change", args=[kiosk.pk]),
        {"name": kiosk.name, "permissions": [right.pk]},
    )

    event = StaffEvent.objects.get()
    assert (event.role, event.by, event.detail) == (kiosk, root, "+cancel_ticket -receive_ticket")


@pytest.mark.parametrize("statement", ["UPDATE booking_staffevent SET detail = 'x'", "DELETE FROM booking_staffevent"])
def test_what_is_kept_is_not_changed(manager, statement):
    roles.write_down(StaffEvent.What.UNLOCKED, by=manager, user=manager)
    with pytest.raises(Error, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_citizen_id_is_no_log_in_name(client, manager):
    answer = add(client, "1199001000018")
    assert "อย่าใช้เลขประจำตัวประชาชน" in answer.text
    assert not User.objects.filter(username="1199001000018").exists()


@pytest.mark.parametrize("group", [roles.CLERK, roles.HEAD, roles.RECEPTION, roles.AUDITOR])
def test_others_change_nobody(client, group):
    other = make_user(group=roles.KIOSK)
    client.force_login(make_user(group=group))
    assert add(client).status_code == 403
    assert change(client, other, first_name="อื่น").status_code == 403
    assert client.get(reverse("admin:auth_user_changelist")).status_code == (200 if group == roles.AUDITOR else 403)


def test_a_kiosk_opens_the_kiosk_and_nothing_else(client):
    make_open_department()
    client.force_login(make_user(group=roles.KIOSK))

    assert client.get(reverse("kiosk")).status_code == 200
    for path in ("/", "/status/", "/admin/", "/counter/", "/board/", "/api/docs/", "/admin/password_change/", "/line/"):
        assert client.get(path).get("Location") == reverse("kiosk"), path
        assert client.post(path).status_code == 403, path
