from django.db import migrations


class Migration(migrations.Migration):
    """Of all that an address has ever tried, a sign-in asks for the last quarter of an hour."""

    dependencies = [("accounts", "0002_attempt_time_index")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX accounts_axes_address_time ON axes_accessattempt (ip_address, attempt_time)",
            "DROP INDEX accounts_axes_address_time",
        )
    ]
