"""A logo made anew: whatever else a file carries (where a picture was taken, a program that poses as one) stays
behind."""

import hashlib
import io

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from office.models import Logo

BIGGEST = 2 * 1024 * 1024  # bytes
MOST_PIXELS = 25_000_000
FITS = (640, 320)  # pixels: sharp on a board, small on a telephone's line
LEAST = 32


def make(content: bytes) -> Logo:
    """Keep a PNG or JPEG as a logo. Raises ValidationError with a sentence for what cannot be one."""
    if len(content) > BIGGEST:
        raise ValidationError(_("ไฟล์ใหญ่เกิน 2 MB กรุณาย่อภาพก่อน"))
    try:
        sent = Image.open(io.BytesIO(content), formats=["PNG", "JPEG"])
        if sent.width * sent.height > MOST_PIXELS:
            raise ValidationError(_("ภาพมีรายละเอียดมากเกินไป กรุณาย่อภาพก่อน"))
        if min(sent.size) < LEAST:
            raise ValidationError(_("ภาพเล็กเกินไป ใช้ภาพที่กว้างและสูงอย่างน้อย %d พิกเซล") % LEAST)
        picture = ImageOps.exif_transpose(sent).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
        raise ValidationError(_("ไฟล์นี้ไม่ใช่ภาพ PNG หรือ JPEG ที่เปิดได้")) from fault
    picture.thumbnail(FITS, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    png = file.getvalue()
    digest = hashlib.sha256(png).hexdigest()[:16]
    values = {"png": png, "width": picture.width, "height": picture.height}
    return Logo.objects.get_or_create(digest=digest, defaults=values)[0]
