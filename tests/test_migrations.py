from django.core.management import call_command


def test_the_models_need_no_migration_that_is_not_there(db):
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)
