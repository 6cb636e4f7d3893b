"""Members in the back office: names as far as one's rights go, the citizen ID in and never out, files in and out."""

import csv
import io
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from booking import jobs
from booking.models import Notice
from members.citizen_id import ascii_digits, citizen_id_hmac
from members.files.spreadsheets import MAX_BYTES
from members.models import Member, MemberFile
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


@pytest.mark.parametrize("name", ["members_member", "booking_ticket", "booking_notice"])
def test_a_citizen_id_is_searched_in_a_body_and_becomes_the_members_number(client, manager, name):
    citizen_id = make_citizen_id(5)
    member = make_member(citizen_id=citizen_id)
    ticket = make_ticket(member=member)
    now = timezone.now()
    Notice.objects.create(ticket=ticket, kind="issued", expires_at=now, created_at=now, next_try_at=now)
    address = reverse(f"admin:{name}_changelist")
    dashed = f"{citizen_id[0]}-{citizen_id[1:5]}-{citizen_id[5:10]}-{citizen_id[10:12]}-{citizen_id[12]}"

    for typed in (citizen_id, dashed, citizen_id.translate(str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙"))):
        answer = client.post(address, {"q": typed, "when": "all"} if name == "booking_ticket" else {"q": typed})
        assert f"q={member.member_number}" in answer["Location"]
        assert citizen_id not in ascii_digits(unquote(answer["Location"]))
        page = client.get(answer["Location"])
        assert [str(row) for row in page.context["cl"].result_list] == [str(name_row(name, member, ticket))]
        assert citizen_id not in ascii_digits(page.content.decode())


def name_row(name, member, ticket):
    return {"members_member": member, "booking_ticket": ticket, "booking_notice": ticket.notices.first()}[name]


def test_the_form_of_the_search_is_sent_as_a_body_and_keeps_what_was_chosen(client, manager):
    make_member(member_number="100234", given_name="มาลี", is_registered=True)
    page = client.get(LIST, {"is_registered__exact": "1"}).content.decode()
    form = re.search(r'<form id="changelist-search".*?</form>', page, re.S)[0]

    assert 'method="post"' in form and "csrfmiddlewaretoken" in form and 'action="?"' in form
    assert re.search(r'name="is_registered__exact" value="1"', form)
    answer = client.post(LIST, {"q": " มาลี ", "is_registered__exact": "1", "csrfmiddlewaretoken": "x"})
    assert parse_qs(urlsplit(answer["Location"]).query) == {"q": ["มาลี"], "is_registered__exact": ["1"]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (make_citizen_id(6), "ไม่พบสมาชิกที่มีเลขประจำตัวประชาชนนี้"),
        ("1234567890123", "เลขประจำตัวประชาชน"),
        (f"สมศรี {make_citizen_id(6)}", ""),
    ],
)
def test_an_id_that_finds_nobody_stands_in_no_address_either(client, manager, typed, said):
    make_member()
    answer = client.post(LIST, {"q": typed})
    assert not re.search("[0-9]{9}", unquote(answer["Location"]))
    page = client.get(answer["Location"])
    assert list(page.context["cl"].result_list) == []
    assert said in page.content.decode()


def test_who_sees_no_names_learns_nobodys_number_by_an_id(client, onlooker):
    citizen_id = make_citizen_id(5)
    member = make_member(citizen_id=citizen_id)

    answer = client.post(LIST, {"q": citizen_id})

    assert member.member_number not in answer["Location"]
    assert "ไม่พบสมาชิก" not in client.get(answer["Location"]).content.decode()


def test_who_may_not_see_a_list_searches_nothing(client):
    client.force_login(make_user())
    assert client.post(LIST, {"q": make_citizen_id(5)}).status_code == 403


def test_who_may_only_look_sees_names_masked(client, onlooker):
    member = make_member(given_name="เกียรติศักดิ์", family_name="ทองดี", phone="0899999999")

    pages = [client.get(LIST), client.get(page_of(member)), client.get(LIST, {"q": member.member_number})]

    for page in pages:
        text = page.content.decode()
        assert member.masked_name in text
        for hidden in ("เกียรติศักดิ์", "ทองดี", "0899999999"):
            assert hidden not in text
    assert client.get(page_of(member, "history")).status_code == 403
    for page in ("export", "import", "left"):
        assert client.get(reverse(f"admin:members_member_{page}")).status_code == 403
    assert client.get(reverse("admin:members_member_export_file", args=["csv"])).status_code == 403


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

    page = client.get(page_of(ticket.member, "delete")).content.decode()
    assert "ให้เอาเครื่องหมาย สมัครไอเมมเบอร์แล้ว ออก" in page, "what to do instead"
    client.post(page_of(ticket.member, "delete"), {"post": "yes"})

    assert Member.objects.filter(pk=ticket.member.pk).exists()


def upload(client, text, name="members.csv"):
    """The page that follows, after the worker has come by."""
    sent = SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())
    answer = client.post(reverse("admin:members_member_import"), {"import_file": sent})
    if answer.status_code == 302:
        jobs.go_on_with_imports()
        answer = client.get(answer["Location"])
    return answer


def confirm(client, page, **fields):
    address = page.request["PATH_INFO"]
    client.post(address, {"do": "confirm", **fields})
    jobs.go_on_with_imports()
    return client.get(address)


def test_a_file_is_shown_first_and_then_taken(client, manager):
    member = make_member(member_number="100001", given_name="เดิม")
    citizen_id = make_citizen_id()
    file = f"member_number,citizen_id,given_name,registered\n100001,,ใหม่,1\n100002,{citizen_id},มาลี,0\n"

    preview = upload(client, file)

    text = preview.content.decode()
    assert "มาลี" in text
    assert citizen_id not in text
    assert citizen_id_hmac(citizen_id) not in text
    assert "<del" in client.get(preview.request["PATH_INFO"], {"show": "changed"}).content.decode()
    member.refresh_from_db()
    assert member.given_name == "เดิม"

    page = confirm(client, preview)

    member.refresh_from_db()
    assert member.given_name == "ใหม่"
    assert Member.objects.get(member_number="100002").citizen_id_hmac == citizen_id_hmac(citizen_id)
    assert "นำเข้าแล้ว" in page.content.decode()
    assert member.history.latest().history_user == manager


def test_its_page_says_how_far_it_is_until_there_is_more_to_show(client, manager):
    sent = SimpleUploadedFile("members.csv", b"member_number,given_name\n100001,x\n")
    address = client.post(reverse("admin:members_member_import"), {"import_file": sent})["Location"]
    page = client.get(address).content.decode()
    assert "<noscript><meta http-equiv" in page
    assert "data-hx-get" in page
    assert client.get(f"{address}progress/").status_code == 200
    jobs.go_on_with_imports()
    assert client.get(f"{address}progress/")["HX-Refresh"] == "true"
    assert "<noscript><meta http-equiv" not in client.get(address).content.decode()


def test_a_preview_shows_one_page_of_rows(client, manager):
    rows = "".join(f"{100_000 + n},ชื่อที่{n:03d}\n" for n in range(1, 121))
    preview = upload(client, f"เลขทะเบียนสมาชิก,ชื่อ\n{rows}")
    assert preview.content.decode().count("ชื่อที่") == 50
    last = client.get(preview.request["PATH_INFO"], {"show": "new", "page": "3"}).content.decode()
    assert "ชื่อที่120" in last
    assert last.count("ชื่อที่") == 20
    for odd in ({"page": "x"}, {"page": "999"}, {"show": "x"}):
        assert client.get(preview.request["PATH_INFO"], odd).status_code == 200


def test_a_file_with_faults_is_not_taken_and_says_where(client, manager):
    page = upload(client, "member_number,given_name,registered\n100001,มาลี,1\nABC,วิชัย,x\n")

    text = page.content.decode()
    assert 'value="confirm"' not in text
    assert "เลขทะเบียน" in text
    assert "ต้องแก้ไข" in text
    assert "กรุณาใส่ 1 เมื่อ" in text, "every fault of a row at once"
    confirm(client, page)
    assert not Member.objects.exists()


def test_a_file_that_is_none_is_refused_in_words(client, manager):
    for content in ("", "\0\1\2", "number,name\n1,x\n", b"x" * (MAX_BYTES + 1)):
        page = upload(client, content)
        assert page.status_code == 200
        assert page.context["form"].errors["import_file"]
        assert "Traceback" not in page.content.decode()
    assert not MemberFile.objects.exists()


def test_a_file_that_waited_too_long_is_told_so(client, manager):
    page = client.get(reverse("admin:members_member_file", args=[999]), follow=True)
    assert "นานเกินหนึ่งชั่วโมง" in page.content.decode()


def test_it_can_be_left_alone(client, manager):
    page = upload(client, "member_number,given_name\n100001,x\n")
    client.post(page.request["PATH_INFO"], {"do": "forget"})
    assert not MemberFile.objects.exists()
    assert not Member.objects.exists()


def test_what_became_wrong_between_preview_and_confirmation_is_not_taken(client, manager):
    citizen_id = make_citizen_id()
    preview = upload(client, f"member_number,citizen_id,given_name,registered\n100002,{citizen_id},มาลี,1\n")
    make_member(member_number="100009", citizen_id=citizen_id)

    page = confirm(client, preview)

    assert Member.objects.count() == 1
    assert "ยังไม่มีการนำเข้า" in page.content.decode()


def test_the_missing_are_offered_to_be_marked_and_their_tickets_are_listed(client, manager):
    ticket = make_ticket()
    stays = make_member(member_number="100001")

    preview = upload(client, "member_number,given_name\n100001,มาลี\n")
    assert ticket.member.full_name in client.get(preview.request["PATH_INFO"], {"show": "missing"}).content.decode()
    confirm(client, preview, marks_missing="on")

    ticket.member.refresh_from_db()
    stays.refresh_from_db()
    assert ticket.member.left_at
    assert not ticket.member.is_registered
    assert stays.left_at is None
    ticket.refresh_from_db()
    assert ticket.is_live, "nothing is cancelled by itself"
    left = client.get(reverse("admin:members_member_left")).content.decode()
    assert reverse("admin:booking_ticket_change", args=[ticket.pk]) in left


def test_another_width_is_checked_again(client, manager):
    preview = upload(client, "member_number,given_name\n4501,มาลี\n")
    address = preview.request["PATH_INFO"]
    page = client.post(address, {"do": "width", "number_width": "99"})
    assert page.context["width_form"].errors
    client.post(address, {"do": "width", "number_width": "6"})
    jobs.go_on_with_imports()
    assert "004501" in client.get(address).content.decode()


@pytest.mark.parametrize("name", ["member_import", "member_export", "member_left"])
def test_a_clerk_neither_brings_in_nor_takes_out(client, clerk, name):
    assert client.get(reverse(f"admin:members_{name}")).status_code == 403


def test_what_is_taken_out_has_no_formula_and_no_citizen_id(client, manager):
    make_member(member_number="000001", given_name="=1+1", family_name="@ทองดี")

    response = client.get(reverse("admin:members_member_export_file", args=["csv"]))

    [row] = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert (row["given_name"], row["family_name"]) == ("'=1+1", "'@ทองดี")
    assert row["member_number"] == "000001"
    assert not any("citizen" in column for column in row)
    assert client.get(reverse("admin:members_member_export_file", args=["xlsx"])).content.startswith(b"PK")
    assert client.get(reverse("admin:members_member_export_file", args=["pdf"])).status_code == 404
