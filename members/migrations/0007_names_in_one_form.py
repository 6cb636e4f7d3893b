"""Names of before are put in the one form of their Thai in which they are stored and searched from now on."""

from django.db import migrations

from members.thai_text import normalised

NAMES = ["title", "given_name", "family_name"]


def normalise(apps, schema_editor):
    Member = apps.get_model("members", "Member")
    changed = []
    for member in Member.objects.only(*NAMES).iterator(chunk_size=2000):
        before = [getattr(member, name) for name in NAMES]
        for name in NAMES:
            setattr(member, name, normalised(getattr(member, name)))
        if before != [getattr(member, name) for name in NAMES]:
            changed.append(member)
    Member.objects.bulk_update(changed, NAMES, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("members", "0006_member_files")]

    operations = [migrations.RunPython(normalise, migrations.RunPython.noop)]
