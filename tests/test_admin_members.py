"""Members in the back office: names as far as one's rights go, the citizen ID in and never out, files in and out."""

import csv
import io

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from members.citizen_id import citizen_id_hmac
from members.models import Member
from tests.factories import make_citizen_id, make_member, make_ticket, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:members_member_changelist")
ADD = reverse("admin:members_member_add")


@pytest.fixture
def onlooker(client):
    """May look at members, and nothing else."""
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="view_member"))
    client.force_login(user)
    return user


def page_of(member, page="change"):
    return reverse(f"admin:members_member_{page}", args=[member.pk])


def form_of(**fields) -> dict:
    return {
        "member_number": "100900",
        "title": "นาง",
        "given_name": "มาลี",
        "family_name": "ทองดี",
        "phone": "",
        "email": "",
        "citizen_id": "",
    } | fields


def found(client, text) -> list:
    return list(client.get(LIST, {"q": text}).context["cl"].result_list)


def test_found_by_number_and_name(client, manager):
    member = make_member(member_number="100234", given_name="มาลี", family_name="ทองดี")
    make_member(member_number="200000", given_name="วิชัย")

    for text in ("100234", "๑๐๐๒", "มาลี", "มาลี ทองดี", "ทอง"):
        assert found(client, text) == [member], text
    assert found(client, "มาลี วิชัย") == []


def test_who_may_only_look_sees_names_masked(client, onlooker):
    member = make_member(given_name="เกียรติศักดิ์", family_name="ทองดี", phone="0899999999")

    pages = [client.get(LIST), client.get(page_of(member)), client.get(LIST, {"q": member.member_number})]

    for page in pages:
        text = page.content.decode()
        assert member.masked_name in text
        for hidden in ("เกียรติศักดิ์", "ทองดี", "0899999999"):
            assert hidden not in text
    assert client.get(page_of(member, "history")).status_code == 403
    for page in ("export", "import"):
        assert client.get(reverse(f"admin:members_member_{page}")).status_code == 403
    export = reverse("admin:members_member_export")
    assert client.post(export, {"format": "0", "resource": "0"}).status_code == 403


def test_a_name_that_is_masked_cannot_be_searched_for(client, onlooker):
    """Else it could be guessed letter by letter."""
    member = make_member(given_name="มาลี")

    assert found(client, "มาลี") == []
    assert found(client, member.member_number) == found(client, "") == [member]


def test_the_citizen_id_goes_in_as_its_hmac(client, manager):
    citizen_id = make_citizen_id()
    spaced = f"{citizen_id[0]}-{citizen_id[1:5]}-{citizen_id[5:10]}-{citizen_id[10:12]}-{citizen_id[12]}"

    client.post(ADD, form_of(citizen_id=spaced, is_registered="on"))

    member = Member.objects.get()
    assert member.citizen_id_hmac == citizen_id_hmac(citizen_id)
    for page in (client.get(page_of(member)), client.get(page_of(member, "history")), client.get(LIST)):
        text = page.content.decode()
        assert citizen_id not in text
        assert spaced not in text
        assert member.citizen_id_hmac not in text


def test_left_empty_it_stays_as_it_was(client, manager):
    member = make_member()
    kept = member.citizen_id_hmac

    client.post(page_of(member), form_of(given_name="ชื่อใหม่"))

    member.refresh_from_db()
    assert (member.given_name, member.citizen_id_hmac) == ("ชื่อใหม่", kept)


@pytest.mark.parametrize("case", ["wrong check digit", "somebody else's", "too short"])
def test_a_citizen_id_that_cannot_be_is_told_and_not_shown_again(client, manager, case):
    right = make_citizen_id()
    make_member(citizen_id=right)
    wrong = right[:12] + str((int(right[12]) + 1) % 10)
    typed = {"wrong check digit": wrong, "somebody else's": right, "too short": "12345"}[case]

    page = client.post(ADD, form_of(citizen_id=typed))

    assert list(page.context["adminform"].form.errors) == ["citizen_id"]
    assert typed not in page.content.decode()
    assert "มาลี" in page.content.decode()
    assert Member.objects.count() == 1


def test_numbers_and_telephones_are_put_in_order_or_told(client, manager):
    client.post(ADD, form_of(member_number="๑๐๐ ๙๐๐", phone="+66 81-234-5678"))
    member = Member.objects.get()
    assert (member.member_number, member.phone) == ("100900", "0812345678")

    page = client.post(ADD, form_of(member_number="A1", phone="12"))
    assert set(page.context["adminform"].form.errors) == {"member_number", "phone"}
    page = client.post(ADD, form_of())
    assert "member_number" in page.context["adminform"].form.errors


def test_a_member_with_tickets_is_not_deleted(client, manager):
    ticket = make_ticket()

    client.post(page_of(ticket.member, "delete"), {"post": "yes"})

    assert Member.objects.filter(pk=ticket.member.pk).exists()


def upload(client, text, name="members.csv"):
    return client.post(
        reverse("admin:members_member_import"),
        {"import_file": SimpleUploadedFile(name, text.encode()), "format": "0", "resource": "0"},
    )


def test_a_file_is_shown_first_and_then_taken(client, manager):
    member = make_member(member_number="100001", given_name="เดิม")
    citizen_id = make_citizen_id()
    file = f"member_number,citizen_id,given_name,registered\n100001,,ใหม่,1\n100002,{citizen_id},มาลี,0\n"

    preview = upload(client, file)

    text = preview.content.decode()
    assert "มาลี" in text
    assert citizen_id not in text
    assert citizen_id_hmac(citizen_id) not in text
    member.refresh_from_db()
    assert member.given_name == "เดิม"

    answer = preview.context["confirm_form"].initial
    page = client.post(reverse("admin:members_member_process_import"), answer, follow=True)

    member.refresh_from_db()
    assert member.given_name == "ใหม่"
    assert Member.objects.get(member_number="100002").citizen_id_hmac == citizen_id_hmac(citizen_id)
    assert "นำเข้าแล้ว" in page.content.decode()
    assert member.history.latest().history_user == manager


def test_a_file_with_faults_is_not_taken_and_says_where(client, manager):
    page = upload(client, "member_number,given_name,registered\n100001,มาลี,1\nABC,วิชัย,1\n")

    text = page.content.decode()
    assert "confirm_form" not in page.context or page.context["confirm_form"] is None
    assert "เลขทะเบียน" in text
    assert "ต้องแก้ไข" in text
    assert not Member.objects.exists()


def test_a_file_that_is_none_is_refused_in_words(client, manager):
    for content in ("", "\0\1\2", "number,name\n1,x\n"):
        page = upload(client, content)
        assert page.status_code == 200
        assert "Traceback" not in page.content.decode()
    assert not Member.objects.exists()


def test_a_confirmation_cannot_name_another_file(client, manager):
    """The name of the waiting file comes back from a form."""
    page = client.post(
        reverse("admin:members_member_process_import"),
        {"import_file_name": "/etc/passwd", "original_file_name": "members.csv", "format": "0", "resource": "0"},
        follow=True,
    )

    assert page.status_code == 200
    assert "root:" not in page.content.decode()
    assert not Member.objects.exists()


def test_what_became_wrong_between_preview_and_confirmation_is_not_taken(client, manager):
    citizen_id = make_citizen_id()
    preview = upload(client, f"member_number,citizen_id,given_name,registered\n100002,{citizen_id},มาลี,1\n")
    make_member(member_number="100009", citizen_id=citizen_id)

    answer = preview.context["confirm_form"].initial
    page = client.post(reverse("admin:members_member_process_import"), answer, follow=True)

    assert Member.objects.count() == 1
    assert "ยังไม่มีการนำเข้า" in page.content.decode()


def test_what_is_taken_out_has_no_formula_and_no_citizen_id(client, manager):
    make_member(member_number="100001", given_name="=1+1", family_name="@ทองดี")
    page = client.get(reverse("admin:members_member_export"))
    chosen = {name: "on" for name in page.context["form"].fields if name.startswith("memberresource")}

    response = client.post(reverse("admin:members_member_export"), {"format": "0", "resource": "0", **chosen})

    [row] = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (row["given_name"], row["family_name"]) == ("'=1+1", "'@ทองดี")
    assert not any("citizen" in column for column in row)
