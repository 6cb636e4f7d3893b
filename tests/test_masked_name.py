"""A stranger sees of a name its title and first letters, and not how long it is."""

import pytest

from members.names import DOTS, first_cluster, full_name, masked_name
from tests.factories import make_member


@pytest.mark.parametrize(
    ("name", "cluster"),
    [
        ("สมชาย", "ส"),
        ("ใจดี", "ใจ"),
        ("เกียรติ", "เกี"),
        ("ไพโรจน์", "ไพ"),
        ("แก้ว", "แก้"),
        ("โสภา", "โส"),
        ("น้ำฝน", "น้ำ"),
        ("กำพล", "กำ"),
        ("ฐิติ", "ฐิ"),
        ("ปู่", "ปู่"),
        ("เเดง", "แด"),  # แ typed as two เ
        ("ณ อยุธยา", "ณ"),
        ("ก", "ก"),
        ("เ", "เ"),
        ("  \u200bสมชาย", "ส"),
        ("John", "J"),
        ("E\u0301mile", "E\u0301"),
        ("Émile", "É"),
        ("", ""),
        (" ", ""),
    ],
)
def test_the_first_cluster_keeps_its_vowels_and_marks(name, cluster):
    assert first_cluster(name) == cluster


@pytest.mark.parametrize(
    ("parts", "masked"),
    [
        (("นาย", "สมชาย", "ใจดี"), "นายส••• ใจ•••"),
        (("นางสาว", "เกียรติสุดา", "ณ อยุธยา"), "นางสาวเกี••• ณ•••"),
        (("ดร.", "โสภา", "ก"), "ดร.โส••• ก•••"),
        (("พระ", "มหาสมพงษ์", ""), "พระม•••"),
        (("", "สมชาย", "ใจดี"), "ส••• ใจ•••"),
        (("Mr.", "John", "Smith"), "Mr. J••• S•••"),
        (("Mrs.", "A", " "), "Mrs. A•••"),
        ((" นาง ", " มะลิ ", " ทอง "), "นางม••• ท•••"),
    ],
)
def test_masked(parts, masked):
    assert masked_name(*parts) == masked


def test_length_does_not_show():
    assert len({masked_name("นาย", "ส" + "ม" * n, "ใจ" + "ด" * n) for n in range(12)}) == 1


def test_full_name():
    assert full_name("นาย", "สมชาย", "ใจดี") == "นายสมชาย ใจดี"
    assert full_name("Mr.", "John", "Smith") == "Mr. John Smith"
    assert full_name("พระ", "สมพงษ์", "") == "พระสมพงษ์"


@pytest.mark.django_db
def test_a_member_in_a_log_line_has_no_full_name():
    member = make_member(title="นาย", given_name="สมชาย", family_name="ใจดี", member_number="100001")
    assert member.full_name == "นายสมชาย ใจดี"
    assert member.masked_name == f"นายส{DOTS} ใจ{DOTS}"
    for text in (str(member), repr(member)):
        assert "100001" in text
        assert "สมชาย" not in text
        assert "ใจดี" not in text
