from django.db import migrations


class Migration(migrations.Migration):
    """axes looks for old attempts by time and has no index for it."""

    dependencies = [("accounts", "0001_initial"), ("axes", "0010_accessattemptexpiration")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX accounts_axes_attempt_time ON axes_accessattempt (attempt_time)",
            "DROP INDEX accounts_axes_attempt_time",
        )
    ]
